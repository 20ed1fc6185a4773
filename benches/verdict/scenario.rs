//! What happens in a trace.

/// The median latency of a healthy request, in milliseconds.
pub(crate) const MEDIAN_MS: f64 = 80.0;

/// The standard deviation of its logarithm: the 99th percentile is 408 ms.
pub(crate) const SPREAD: f64 = 0.700_3;

/// Where the tail of a tail regression begins.
pub(crate) const TAIL_FROM: f64 = 0.95;

/// Failures that come in storms: many in one window, all of one arm.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Storms {
    /// The probability of one in a window of 10 s.
    pub(crate) rate: f64,
    /// The fewest and the most failures of one.
    pub(crate) size: (f64, f64),
    /// Whether they are requests on top of the others, as retries are.
    pub(crate) extra_requests: bool,
}

/// A time in which both arms are worse.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Incident {
    /// From when, in seconds after the shift.
    pub(crate) from_s: f64,
    /// Until when.
    pub(crate) until_s: f64,
    /// What is added to both error rates.
    pub(crate) errors: f64,
    /// By what both latencies are multiplied.
    pub(crate) latency: f64,
}

/// Everything that a trace is made by.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    /// Whether green is worse than the tolerance.
    pub(crate) is_bad: bool,
    /// Requests a second.
    pub(crate) rate: f64,
    /// The length of a window, in seconds.
    pub(crate) window_s: f64,
    /// Error rates.
    pub(crate) blue_errors: f64,
    pub(crate) green_errors: f64,
    /// Factors of latency: blue's, green's, and that of green's slowest requests.
    pub(crate) blue_latency: f64,
    pub(crate) green_latency: f64,
    pub(crate) green_tail: f64,
    /// When green becomes worse, in seconds after the shift, and for how long it gets worse until it is as bad as it gets.
    pub(crate) onset_s: f64,
    pub(crate) ramp_s: f64,
    pub(crate) incident: Option<Incident>,
    /// Rates of each arm and window vary like a gamma distribution of this shape.
    pub(crate) varied: Option<f64>,
    pub(crate) storms: Option<Storms>,
    /// Sizes of groups in which all failures come, routed whole.
    pub(crate) groups: Option<f64>,
    /// Standard deviation of latency from window to window: of both arms together, and of each.
    pub(crate) common_noise: f64,
    pub(crate) own_noise: f64,
    /// How much of an arm's own deviation is left in the next window of 10 s.
    pub(crate) correlation: f64,
    /// Before the shift, in seconds; then green's shares and how long each lasts.
    pub(crate) lead_s: f64,
    pub(crate) steps: Vec<(f64, f64)>,
    /// Probes a second to each arm.
    pub(crate) probes: Option<f64>,
    /// Green's instances, and the error rate of the first of them in addition.
    pub(crate) instances: Option<(usize, f64)>,
}

impl Scenario {
    pub(crate) fn good(name: &'static str) -> Self {
        Self {
            name,
            is_bad: false,
            rate: 500.0,
            window_s: 10.0,
            blue_errors: 0.001,
            green_errors: 0.001,
            blue_latency: 1.0,
            green_latency: 1.0,
            green_tail: 1.0,
            onset_s: 0.0,
            ramp_s: 0.0,
            incident: None,
            varied: None,
            storms: None,
            groups: None,
            common_noise: 0.08,
            own_noise: 0.03,
            correlation: 0.0,
            lead_s: 300.0,
            steps: vec![(0.05, 300.0), (0.25, 300.0), (0.5, 600.0), (1.0, 600.0)],
            probes: None,
            instances: None,
        }
    }

    pub(crate) fn bad(name: &'static str) -> Self {
        Self {
            is_bad: true,
            ..Self::good(name)
        }
    }

    /// How much of its fault green has by then: 0 to 1.
    pub(crate) fn fault_at(&self, after_shift_s: f64) -> f64 {
        if after_shift_s < self.onset_s {
            0.0
        } else if self.ramp_s > 0.0 {
            ((after_shift_s - self.onset_s) / self.ramp_s).min(1.0)
        } else {
            1.0
        }
    }

    /// The end of the trace, in seconds.
    pub(crate) fn horizon_s(&self) -> f64 {
        self.lead_s + self.steps.iter().map(|(_, length)| length).sum::<f64>()
    }

    /// Whether it is judged by latency.
    pub(crate) fn is_latency(&self) -> bool {
        self.green_latency > 1.0 || self.green_tail > 1.0
    }
}

const BURSTY: Storms = Storms {
    rate: 0.12,
    size: (20.0, 60.0),
    extra_requests: false,
};

const RARE_BURSTS: Storms = Storms { rate: 0.015, ..BURSTY };

/// The good releases of the reference method's benchmark.
pub(crate) fn good() -> Vec<Scenario> {
    let good = Scenario::good;
    vec![
        Scenario {
            rate: 50.0,
            ..good("healthy_50rps")
        },
        good("healthy_500rps"),
        Scenario {
            rate: 5000.0,
            ..good("healthy_5000rps")
        },
        Scenario {
            rate: 0.2,
            ..good("healthy_low_traffic")
        },
        Scenario {
            blue_errors: 0.0,
            green_errors: 0.0,
            ..good("healthy_no_errors")
        },
        Scenario {
            incident: Some(Incident {
                from_s: 200.0,
                until_s: 620.0,
                errors: 0.08,
                latency: 1.6,
            }),
            ..good("healthy_common_cause")
        },
        Scenario {
            varied: Some(4.0),
            ..good("healthy_overdispersed")
        },
        Scenario {
            varied: Some(4.0),
            rate: 5000.0,
            ..good("healthy_overdispersed_5k")
        },
        Scenario {
            storms: Some(BURSTY),
            ..good("healthy_bursty")
        },
        Scenario {
            storms: Some(RARE_BURSTS),
            ..good("healthy_rare_bursts")
        },
        Scenario {
            green_errors: 0.00115,
            green_latency: 1.04,
            ..good("healthy_within_tolerance")
        },
        Scenario {
            incident: Some(Incident {
                from_s: 1300.0,
                until_s: 1800.0,
                errors: 0.05,
                latency: 1.5,
            }),
            ..good("healthy_late_incident")
        },
        Scenario {
            blue_errors: 0.005,
            blue_latency: 1.3,
            ..good("blue_worse")
        },
    ]
}

/// The bad releases of the same benchmark.
pub(crate) fn bad() -> Vec<Scenario> {
    let bad = Scenario::bad;
    vec![
        Scenario {
            green_errors: 0.002,
            ..bad("err_0.1_to_0.2")
        },
        Scenario {
            green_errors: 0.002,
            rate: 5000.0,
            ..bad("err_0.1_to_0.2_5k")
        },
        Scenario {
            green_errors: 0.005,
            ..bad("err_0.1_to_0.5")
        },
        Scenario {
            green_errors: 0.01,
            ..bad("err_0.1_to_1")
        },
        Scenario {
            green_errors: 0.01,
            rate: 50.0,
            ..bad("err_0.1_to_1_50rps")
        },
        Scenario {
            green_errors: 0.01,
            varied: Some(4.0),
            ..bad("err_0.1_to_1_overdisp")
        },
        Scenario {
            green_errors: 0.01,
            storms: Some(BURSTY),
            ..bad("err_0.1_to_1_bursty")
        },
        Scenario {
            green_errors: 0.05,
            ..bad("err_0.1_to_5")
        },
        Scenario {
            green_errors: 1.0,
            ..bad("err_broken")
        },
        Scenario {
            green_errors: 1.0,
            rate: 0.2,
            ..bad("err_broken_low_traffic")
        },
        Scenario {
            green_errors: 0.05,
            onset_s: 900.0,
            ramp_s: 600.0,
            ..bad("err_slow_burn")
        },
        Scenario {
            green_errors: 0.051,
            incident: Some(Incident {
                from_s: 0.0,
                until_s: 400.0,
                errors: 0.05,
                latency: 1.3,
            }),
            ..bad("err_in_incident")
        },
        Scenario {
            green_latency: 1.1,
            ..bad("lat_all_+10%")
        },
        Scenario {
            green_latency: 1.3,
            ..bad("lat_all_+30%")
        },
        Scenario {
            green_latency: 2.0,
            ..bad("lat_all_+100%")
        },
        Scenario {
            green_tail: 1.3,
            ..bad("lat_tail_+30%")
        },
        Scenario {
            green_tail: 2.0,
            ..bad("lat_tail_+100%")
        },
    ]
}
