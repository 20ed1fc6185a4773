//! How fast and how honest the verdict is, beside other tools' rules and beside what is possible at all.
#![allow(clippy::print_stdout, missing_docs)]

mod generator;
mod oracle;
mod random;
mod rules;
mod scenario;
mod speed;

use rules::Done;

fn main() {
    let mut args = std::env::args().skip(1).filter(|a| a != "--bench");
    let seeds: u64 = args.next().and_then(|a| a.parse().ok()).unwrap_or(100);
    let start: u64 = args.next().and_then(|a| a.parse().ok()).unwrap_or(1);
    let filter = args.next().unwrap_or_default();
    let which = args.next().unwrap_or("all".into());
    let full = rules::policy();
    let hold = cutover::verdict::Policy { promotion: None, ..full.clone() };
    let mut good = scenario::good();
    good.extend(scenario::more_good());
    let mut bad = scenario::bad();
    bad.extend(scenario::more_bad());
    if which == "speed" { println!("{:.0}", speed::windows_per_second(&hold)); return; }
    if which == "dbg" {
        for s in good.iter().chain(&bad).filter(|s| s.name == filter) {
            for seed in start..start + seeds {
            let t = generator::trace(s, seed);
            let mut j = cutover::verdict::Judge::new(hold.clone());
            for w in &t.windows { let v = j.window(w); if w.step > 0 { } if v.decision == cutover::verdict::Decision::Unhealthy { println!("{v}"); break; } }
            }
        }
        return;
    }
    let threads = 2u64;
    if which != "bad" {
        for s in good.iter().filter(|s| s.name.contains(&filter)) {
            let parts: Vec<(usize, usize, Vec<f64>, std::collections::BTreeMap<String, u32>)> = std::thread::scope(|scope| {
                let handles: Vec<_> = (0..threads).map(|th| { let (full, hold) = (&full, &hold); scope.spawn(move || {
                    let (mut fr, mut fh, mut prom) = (0, 0, vec![]);
                    let mut by = std::collections::BTreeMap::new();
                    for seed in (start..start + seeds).filter(|x| x % threads == th) {
                        let t = generator::trace(s, seed);
                        match rules::judge(&t, full) { Done::RolledBack(_) => fr += 1, Done::Promoted(at) => prom.push(at - s.lead_s), Done::Nothing => {} }
                        if let Done::RolledBack(_) = rules::judge(&t, hold) {
                            fh += 1;
                            let mut j = cutover::verdict::Judge::new(hold.clone());
                            for w in &t.windows { let v = j.window(w); if v.decision == cutover::verdict::Decision::Unhealthy { *by.entry(format!("{:?}", v.evidence.unwrap().metric)).or_insert(0) += 1; break; } }
                        }
                    }
                    (fr, fh, prom, by)
                })}).collect();
                handles.into_iter().map(|h| h.join().unwrap()).collect()
            });
            let fr: usize = parts.iter().map(|p| p.0).sum();
            let fh: usize = parts.iter().map(|p| p.1).sum();
            let mut prom: Vec<f64> = parts.iter().flat_map(|p| p.2.clone()).collect();
            prom.sort_by(f64::total_cmp);
            println!("{:28} false {:5.2}% hold {:5.2}%  promoted {:5.1}% median {:?} {:?}", s.name, 100.0 * fr as f64 / seeds as f64, 100.0 * fh as f64 / seeds as f64, 100.0 * prom.len() as f64 / seeds as f64, prom.get(prom.len() / 2), parts.iter().map(|p| &p.3).collect::<Vec<_>>());
        }
    }
    if which != "good" {
        for s in bad.iter().filter(|s| s.name.contains(&filter)) {
            let parts: Vec<Vec<(f64, f64, f64, f64, f64, f64, bool, bool)>> = std::thread::scope(|scope| {
                let handles: Vec<_> = (0..threads).map(|th| { let (full, hold) = (&full, &hold); scope.spawn(move || {
                    let mut out = vec![];
                    for seed in (start..start + seeds).filter(|x| x % threads == th) {
                        let t = generator::trace(s, seed);
                        let onset = s.lead_s + s.onset_s;
                        let delay = |at: Option<f64>| at.unwrap_or(s.horizon_s()) - onset;
                        let harm = |d: f64| t.windows.iter().zip(&t.truth).filter(|(w, _)| w.end_s <= onset + d).map(|(_, t)| if t.fault > 0.0 { t.harm } else { 0.0 }).sum::<f64>();
                        let o = delay(oracle::oracle(s, &t, oracle::NONE));
                        let ot = delay(oracle::oracle(s, &t, oracle::TOLERANCE));
                        let done = rules::judge(&t, hold);
                        let m = delay(match done { Done::RolledBack(at) => Some(at), _ => None });
                        let promoted = matches!(rules::judge(&t, full), Done::Promoted(_));
                        out.push((o, ot, m, harm(o), harm(ot), harm(m), done == Done::Nothing, promoted));
                    }
                    out
                })}).collect();
                handles.into_iter().map(|h| h.join().unwrap()).collect()
            });
            let all: Vec<_> = parts.into_iter().flatten().collect();
            let n = all.len() as f64;
            let mean = |f: &dyn Fn(&(f64, f64, f64, f64, f64, f64, bool, bool)) -> f64| all.iter().map(f).sum::<f64>() / n;
            let (o, ot, m) = (mean(&|x| x.0), mean(&|x| x.1), mean(&|x| x.2));
            let mut ms: Vec<f64> = all.iter().map(|x| x.2).collect();
            ms.sort_by(f64::total_cmp);
            println!("{:28} oracle {:6.1} tol {:6.1} | mean {:6.1} median {:5} = {:.2}x {:.2}x | harm {:7.1} {:7.1} {:7.1} | missed {:4.1}% promoted {:4.1}% early {:.1}%",
                s.name, o, ot, m, ms[ms.len() / 2], m / o, m / ot, mean(&|x| x.3), mean(&|x| x.4), mean(&|x| x.5),
                100.0 * mean(&|x| x.6 as u8 as f64), 100.0 * mean(&|x| x.7 as u8 as f64), 100.0 * mean(&|x| (x.2 <= 0.0) as u8 as f64));
        }
    }
}
