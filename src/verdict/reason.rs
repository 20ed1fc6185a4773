//! Verdicts in words, for somebody who has never heard of e-values.

use std::fmt;

use super::evidence::{Advice, Decision, Evidence, Metric, Side, Verdict, Why};

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Healthy => "healthy",
            Self::Unhealthy => "unhealthy",
            Self::Insufficient => "insufficient evidence",
        })
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let moment = |since_s| format!("t={} s", number(since_s));
        Words {
            verdict: self,
            moment: &moment,
        }
        .fmt(f)
    }
}

impl Verdict {
    /// The same with moments as `moment` tells them, which is given seconds of the trace.
    #[must_use]
    pub fn in_words(&self, moment: &dyn Fn(f64) -> String) -> String {
        Words { verdict: self, moment }.to_string()
    }
}

/// A verdict in words, with moments of somebody's own.
struct Words<'a> {
    verdict: &'a Verdict,
    moment: &'a dyn Fn(f64) -> String,
}

impl fmt::Display for Words<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { verdict, moment } = self;
        let evidence = verdict.evidence.as_ref();
        match verdict.why {
            Why::NoTraffic => f.write_str("green has had no traffic yet"),
            Why::Silence => f.write_str("nothing new is known of green: no request reached it, or no numbers came"),
            Why::NothingToCompare => {
                f.write_str("blue gets no traffic any more, so green cannot be compared with it; only errors beyond blue's past would count")
            }
            Why::BlueIsSilent => f.write_str("nothing speaks against green; blue had no request in this window to compare it with"),
            Why::BlueIsUnknown => f.write_str("nothing is known of blue in this window, so green cannot be compared with it"),
            Why::Suspicion => {
                f.write_str("green gets no more traffic for now, because it may be worse")?;
                told(f, evidence, moment)?;
                chance(f, evidence)
            }
            Why::LastWindow { metric } => write!(
                f,
                "green looked bad in this window ({}); it gets no more traffic before another one has been seen",
                what(metric, None)
            ),
            Why::Worse => {
                f.write_str("green is worse than blue")?;
                told(f, evidence, moment)?;
                chance(f, evidence)
            }
            Why::SloErrors {
                since_s,
                requests,
                errors,
                promised,
            } => write!(
                f,
                "slo: green breaks the promised error rate of {}: since {}, {} of {} requests failed ({}); blue may be no better, so the \
                 new version is not blamed",
                percent(promised),
                moment(since_s),
                whole(errors),
                whole(requests),
                rate(errors, requests),
            ),
            Why::SloLatency { p99_ms, promised_ms } => write!(
                f,
                "slo: green breaks the promised latency: 99 of 100 requests should take at most {}, and take {}; blue may be no \
                 better, so the new version is not blamed",
                milliseconds(promised_ms),
                milliseconds(p99_ms),
            ),
            Why::SickInstance => f.write_str("one of green's instances is sick and the others are well, so the release is not blamed"),
            Why::Baking { left_s } => {
                write!(f, "nothing speaks against green; no early pass for {} s more", whole(left_s.ceil()))
            }
            Why::TooLittle {
                for_errors,
                for_client_errors,
                for_latency,
                too_few,
                needed,
            } => {
                f.write_str("nothing speaks against green, but too little was seen to let it pass: ")?;
                let mut more = |of: &str, value| {
                    let (value, needed) = (number(value), number(needed));
                    write!(f, "more requests are needed to be sure of its {of} (evidence {value} of {needed})")
                };
                match (for_client_errors, for_latency) {
                    _ if for_errors < needed => more("error rate", for_errors),
                    (Some(value), _) if value < needed => more("rate of client errors (4xx)", value),
                    (_, Some(value)) => more("latency", value),
                    (_, None) if too_few => f.write_str("its latency could not be compared with blue's, too few requests a window"),
                    (_, None) => f.write_str(
                        "its latency could not be compared with blue's: that takes the same percentiles of both, and more requests of users \
                         than cutover's own",
                    ),
                }
            }
            Why::NeverEarly => f.write_str("nothing speaks against green; it stays until the end of its bake"),
            Why::Good { ratio, absolute } => write!(
                f,
                "green is not worse than blue: its error rate is below {} times blue's plus {}, and its latency is alike",
                number(ratio),
                percent(absolute)
            ),
        }?;
        match &verdict.advice {
            Some(Advice::ReplaceInstance { id, requests, errors }) if *requests > 0.0 => write!(
                f,
                "; replace instance {id}: {} of its {} requests failed in the last window ({})",
                whole(*errors),
                whole(*requests),
                rate(*errors, *requests)
            ),
            Some(Advice::ReplaceInstance { id, .. }) => write!(f, "; replace instance {id}"),
            None => Ok(()),
        }
    }
}

/// What was measured, in numbers.
fn told(f: &mut fmt::Formatter<'_>, evidence: Option<&Evidence>, moment: &dyn Fn(f64) -> String) -> fmt::Result {
    let Some(evidence) = evidence else { return Ok(()) };
    let what = what(evidence.metric, evidence.percentile);
    write!(f, ": {what}, since {}: green ", moment(evidence.since_s))?;
    side(f, evidence.green)?;
    f.write_str(", blue ")?;
    side(f, evidence.blue)?;
    match evidence.metric {
        Metric::FrozenErrors => f.write_str(" before it lost its traffic (frozen baseline)"),
        Metric::RareErrors => f.write_str(" in all"),
        _ => Ok(()),
    }
}

fn what(metric: Metric, percentile: Option<f64>) -> &'static str {
    match metric {
        Metric::Errors | Metric::ErrorShare | Metric::RareErrors | Metric::FrozenErrors => "server errors (5xx)",
        Metric::ClientErrors => "client errors (4xx)",
        Metric::Latency | Metric::TailLatency | Metric::ExtremeLatency => latency(metric, percentile),
        Metric::SampledLatency => "latency of single requests",
        Metric::Probes => "failed probes",
    }
}

/// Which latencies the numbers are. Of the whole curve they are the lowest percentile that both tell.
fn latency(metric: Metric, percentile: Option<f64>) -> &'static str {
    match (percentile, metric) {
        (Some(0.75), _) => "latency of the slowest quarter",
        (Some(0.9), _) | (None, Metric::TailLatency) => "latency of the slowest tenth",
        (Some(0.95), _) => "latency of the slowest twentieth",
        (Some(0.99), _) | (None, Metric::ExtremeLatency) => "latency of the slowest hundredth",
        _ => "latency of half of the requests",
    }
}

fn side(f: &mut fmt::Formatter<'_>, side: Side) -> fmt::Result {
    match side {
        Side::Events { requests, failures } => {
            write!(
                f,
                "{} of {} ({})",
                whole(failures),
                whole(requests),
                rate(failures, requests)
            )
        }
        Side::Milliseconds(value) => f.write_str(&milliseconds(value)),
    }
}

/// How sure that is.
fn chance(f: &mut fmt::Formatter<'_>, evidence: Option<&Evidence>) -> fmt::Result {
    let Some(evidence) = evidence else { return Ok(()) };
    write!(
        f,
        "; a green that is no worse looks so bad in fewer than 1 of {} releases, and green is taken back at 1 of {}",
        whole(evidence.e_value.min(1e6).floor()),
        whole(evidence.threshold)
    )
}

fn rate(k: f64, n: f64) -> String {
    if n > 0.0 { percent(k / n) } else { "none".to_owned() }
}

/// A part of 1, with two digits that say something.
fn percent(part: f64) -> String {
    let value = part * 100.0;
    if value >= 9.95 || value == 0.0 {
        format!("{value:.0} %")
    } else if value >= 0.995 {
        format!("{value:.1} %")
    } else {
        format!("{value:.2} %")
    }
}

fn milliseconds(value: f64) -> String {
    if value >= 100.0 {
        format!("{value:.0} ms")
    } else {
        format!("{value:.1} ms")
    }
}

fn number(value: f64) -> String {
    if value.fract() == 0.0 || value >= 1000.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.1}")
    }
}

/// A count with groups of three digits.
fn whole(value: f64) -> String {
    let digits = format!("{value:.0}");
    if digits.len() <= 4 {
        return digits;
    }
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
