//! A plot of harm by rule: one line of dots for each bad release, on a logarithmic scale.

use std::fmt::Write;

use crate::peers::PEERS;
use crate::tables::Row;

const WIDTH: f64 = 960.0;
const LEFT: f64 = 190.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 64.0;
const LINE: f64 = 26.0;

/// The rules that are shown, with their colours: those that take at most one of a hundred good releases back, because whoever always
/// goes back does no harm, and Kayenta's in its slower form.
const SHOWN: [(&str, &str); 3] = [
    ("argo_doc", "#b35806"),
    ("flagger_10", "#7b3294"),
    ("kayenta_10m", "#777777"),
];

/// Harm, from a tenth of a request to a million.
fn across(harm: f64) -> f64 {
    let place = (harm.clamp(0.1, 1e6).log10() + 1.0) / 7.0;
    LEFT + place * (WIDTH - LEFT - RIGHT)
}

pub(crate) fn plot(rows: &[Row]) -> String {
    let height = TOP + LINE * rows.len() as f64 + 40.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <title>Requests that went badly before a bad release was taken back, by rule</title>\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#ffffff\"/>\n\
         <text x=\"{LEFT}\" y=\"20\" font-size=\"14\" font-weight=\"bold\">Bad requests before the rollback (mean; fewer is better)</text>\n"
    );
    let mut x = LEFT;
    let mut legend = |svg: &mut String, name: &str, colour: &str, filled: bool| {
        let fill = if filled { colour } else { "none" };
        let _ = writeln!(
            svg,
            "<circle cx=\"{x}\" cy=\"40\" r=\"5\" fill=\"{fill}\" stroke=\"{colour}\" stroke-width=\"1.5\"/><text x=\"{}\" y=\"44\">{name}</text>",
            x + 10.0
        );
        x += 34.0 + 7.2 * name.len() as f64;
    };
    legend(&mut svg, "oracle (cannot be beaten)", "#1b7837", false);
    legend(&mut svg, "cutover", "#2166ac", true);
    for (name, colour) in SHOWN {
        legend(&mut svg, name, colour, true);
    }
    for power in -1..=6 {
        let x = across(10f64.powi(power));
        let label = if power < 0 {
            "0.1".to_owned()
        } else {
            10u64.pow(power as u32).to_string()
        };
        let bottom = height - 30.0;
        let _ = writeln!(
            svg,
            "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{bottom}\" stroke=\"#dddddd\"/><text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\" \
             fill=\"#555555\">{label}</text>",
            height - 14.0
        );
    }
    for (at, row) in rows.iter().enumerate() {
        let y = TOP + LINE * (at as f64 + 0.5);
        let name = row.name.replace('&', "&amp;").replace('<', "&lt;");
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{name}</text>",
            LEFT - 10.0,
            y + 4.0
        );
        for (shown, colour) in SHOWN {
            let peer = PEERS
                .iter()
                .position(|peer| peer.name() == shown)
                .map(|at| &row.peers[at]);
            if let Some(score) = peer {
                dot(&mut svg, score.mean_harm(), y, colour, true);
            }
        }
        dot(&mut svg, row.hold.mean_harm(), y, "#2166ac", true);
        dot(&mut svg, row.oracle.mean_harm(), y, "#1b7837", false);
    }
    svg += "</svg>\n";
    svg
}

fn dot(svg: &mut String, harm: f64, y: f64, colour: &str, filled: bool) {
    let fill = if filled { colour } else { "none" };
    let _ = writeln!(
        svg,
        "<circle cx=\"{:.1}\" cy=\"{y:.1}\" r=\"5\" fill=\"{fill}\" stroke=\"{colour}\" stroke-width=\"1.5\"/>",
        across(harm)
    );
}
