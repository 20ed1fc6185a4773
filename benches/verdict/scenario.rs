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

/// Other good releases: other rates, splits, windows, bursts, and lasting differences.
pub(crate) fn more_good() -> Vec<Scenario> {
    let good = Scenario::good;
    let storms = |rate: f64, low: f64, high: f64, extra_requests: bool| {
        Some(Storms {
            rate,
            size: (low, high),
            extra_requests,
        })
    };
    vec![
        Scenario {
            blue_errors: 0.01,
            green_errors: 0.01,
            rate: 5000.0,
            varied: Some(4.0),
            ..good("good_swings_by_half_5k")
        },
        Scenario {
            blue_errors: 0.01,
            green_errors: 0.01,
            rate: 5000.0,
            varied: Some(1.0),
            ..good("good_swings_by_all_5k")
        },
        Scenario {
            blue_errors: 0.01,
            green_errors: 0.01,
            varied: Some(1.0),
            ..good("good_swings_by_all")
        },
        Scenario {
            rate: 5.0,
            ..good("good_5rps")
        },
        Scenario {
            rate: 1.0,
            ..good("good_1rps")
        },
        Scenario {
            rate: 1.0,
            blue_errors: 0.01,
            green_errors: 0.01,
            ..good("good_1rps_1%")
        },
        Scenario {
            rate: 0.2,
            blue_errors: 0.02,
            green_errors: 0.02,
            ..good("good_0.2rps_2%")
        },
        Scenario {
            window_s: 60.0,
            ..good("good_60s_windows")
        },
        Scenario {
            rate: 50.0,
            window_s: 60.0,
            ..good("good_50rps_60s")
        },
        Scenario {
            steps: vec![(0.1, 600.0), (0.5, 1200.0)],
            ..good("good_holdback")
        },
        Scenario {
            steps: vec![(0.5, 1800.0)],
            ..good("good_half")
        },
        Scenario {
            blue_errors: 0.02,
            green_errors: 0.02,
            ..good("good_2%")
        },
        Scenario {
            blue_errors: 0.15,
            green_errors: 0.15,
            ..good("good_15%")
        },
        Scenario {
            green_errors: 0.00118,
            rate: 5000.0,
            green_latency: 1.045,
            ..good("good_edge_5k")
        },
        Scenario {
            own_noise: 0.06,
            ..good("good_noise_6%")
        },
        Scenario {
            own_noise: 0.1,
            ..good("good_noise_10%")
        },
        Scenario {
            correlation: 0.9,
            ..good("good_lasting_3%")
        },
        Scenario {
            correlation: 0.9,
            rate: 5000.0,
            ..good("good_lasting_3%_5k")
        },
        Scenario {
            correlation: 0.95,
            ..good("good_lasting_3%_0.95")
        },
        Scenario {
            varied: Some(2.0),
            ..good("good_varied_2")
        },
        Scenario {
            varied: Some(1.0),
            ..good("good_varied_1")
        },
        Scenario {
            varied: Some(10.0),
            rate: 5000.0,
            ..good("good_varied_10_5k")
        },
        Scenario {
            groups: Some(3.0),
            ..good("good_groups_3")
        },
        Scenario {
            groups: Some(10.0),
            ..good("good_groups_10")
        },
        Scenario {
            groups: Some(30.0),
            ..good("good_groups_30")
        },
        Scenario {
            groups: Some(10.0),
            rate: 5000.0,
            ..good("good_groups_10_5k")
        },
        Scenario {
            storms: storms(0.3, 20.0, 60.0, false),
            ..good("good_storms_often")
        },
        Scenario {
            storms: storms(0.12, 60.0, 140.0, false),
            ..good("good_storms_large")
        },
        Scenario {
            storms: storms(0.05, 15.0, 40.0, false),
            ..good("good_storms_small")
        },
        Scenario {
            storms: storms(0.12, 60.0, 140.0, true),
            ..good("good_storms_retries")
        },
        Scenario {
            storms: storms(0.12, 60.0, 140.0, true),
            rate: 50.0,
            ..good("good_storms_50rps")
        },
        Scenario {
            storms: storms(0.006, 80.0, 220.0, false),
            ..good("good_storms_rare")
        },
        Scenario {
            storms: storms(0.003, 200.0, 200.0, false),
            ..good("good_storms_once")
        },
        Scenario {
            incident: Some(Incident {
                from_s: 0.0,
                until_s: 900.0,
                errors: 0.02,
                latency: 2.0,
            }),
            ..good("good_incident_at_shift")
        },
        Scenario {
            incident: Some(Incident {
                from_s: 0.0,
                until_s: 900.0,
                errors: 0.05,
                latency: 1.5,
            }),
            rate: 0.2,
            ..good("good_incident_0.2rps")
        },
        Scenario {
            incident: Some(Incident {
                from_s: 0.0,
                until_s: 900.0,
                errors: 0.2,
                latency: 1.5,
            }),
            rate: 1.0,
            ..good("good_incident_1rps")
        },
        Scenario {
            rate: 0.2,
            probes: Some(2.0),
            ..good("good_probes_0.2rps")
        },
        Scenario {
            instances: Some((4, 0.5)),
            ..good("good_sick_instance")
        },
        Scenario {
            rate: 20.0,
            probes: Some(2.0),
            ..good("good_probes_20rps")
        },
        Scenario {
            rate: 5.0,
            probes: Some(2.0),
            ..good("good_probes_5rps")
        },
        Scenario {
            rate: 1.0,
            probes: Some(2.0),
            ..good("good_probes_1rps")
        },
    ]
}

/// Other bad releases.
pub(crate) fn more_bad() -> Vec<Scenario> {
    let bad = Scenario::bad;
    let storms = |rate: f64, low: f64, high: f64| {
        Some(Storms {
            rate,
            size: (low, high),
            extra_requests: false,
        })
    };
    vec![
        Scenario {
            green_errors: 0.02,
            ..bad("bad_2%")
        },
        Scenario {
            green_errors: 0.003,
            rate: 2000.0,
            ..bad("bad_0.3%_2k")
        },
        Scenario {
            blue_errors: 0.01,
            green_errors: 0.02,
            ..bad("bad_1_to_2%")
        },
        Scenario {
            blue_errors: 0.05,
            green_errors: 0.07,
            rate: 5000.0,
            ..bad("bad_5_to_7%_5k")
        },
        Scenario {
            blue_errors: 0.01,
            green_errors: 0.015,
            rate: 5000.0,
            ..bad("bad_1_to_1.5%_5k")
        },
        Scenario {
            blue_errors: 0.0,
            green_errors: 0.01,
            ..bad("bad_0_to_1%")
        },
        Scenario {
            green_errors: 0.05,
            rate: 50.0,
            ..bad("bad_5%_50rps")
        },
        Scenario {
            green_errors: 0.2,
            rate: 5.0,
            ..bad("bad_20%_5rps")
        },
        Scenario {
            green_errors: 1.0,
            rate: 5.0,
            ..bad("bad_dead_5rps")
        },
        Scenario {
            green_errors: 1.0,
            rate: 1.0,
            ..bad("bad_dead_1rps")
        },
        Scenario {
            green_errors: 0.5,
            rate: 0.2,
            ..bad("bad_half_dead_0.2rps")
        },
        Scenario {
            green_errors: 1.0,
            rate: 0.2,
            probes: Some(2.0),
            ..bad("bad_dead_probes_0.2rps")
        },
        Scenario {
            green_errors: 0.01,
            window_s: 60.0,
            ..bad("bad_1%_60s")
        },
        Scenario {
            green_errors: 0.01,
            steps: vec![(0.1, 600.0), (0.5, 1200.0)],
            ..bad("bad_1%_holdback")
        },
        Scenario {
            green_errors: 0.01,
            steps: vec![(0.5, 1800.0)],
            ..bad("bad_1%_half")
        },
        Scenario {
            green_errors: 0.01,
            onset_s: 450.0,
            ..bad("bad_1%_late_25%")
        },
        Scenario {
            green_errors: 0.05,
            onset_s: 900.0,
            ..bad("bad_5%_late_50%")
        },
        Scenario {
            green_errors: 1.0,
            onset_s: 900.0,
            ..bad("bad_dead_late")
        },
        Scenario {
            green_errors: 0.01,
            storms: storms(0.3, 20.0, 60.0),
            ..bad("bad_1%_storms_often")
        },
        Scenario {
            green_errors: 0.01,
            storms: storms(0.12, 60.0, 140.0),
            ..bad("bad_1%_storms_large")
        },
        Scenario {
            green_errors: 0.01,
            storms: storms(0.05, 15.0, 40.0),
            ..bad("bad_1%_storms_small")
        },
        Scenario {
            green_errors: 0.05,
            storms: storms(0.12, 60.0, 140.0),
            ..bad("bad_5%_bursty")
        },
        Scenario {
            green_errors: 0.01,
            groups: Some(3.0),
            ..bad("bad_1%_groups_3")
        },
        Scenario {
            green_latency: 1.15,
            ..bad("bad_lat_+15%")
        },
        Scenario {
            green_latency: 1.2,
            ..bad("bad_lat_+20%")
        },
        Scenario {
            green_latency: 1.3,
            rate: 50.0,
            ..bad("bad_lat_+30%_50rps")
        },
        Scenario {
            green_latency: 1.1,
            rate: 5000.0,
            ..bad("bad_lat_+10%_5k")
        },
        Scenario {
            green_latency: 1.3,
            onset_s: 900.0,
            ..bad("bad_lat_+30%_late")
        },
        Scenario {
            green_latency: 1.3,
            correlation: 0.9,
            ..bad("bad_lat_+30%_lasting")
        },
        Scenario {
            green_tail: 1.5,
            ..bad("bad_tail_+50%")
        },
        Scenario {
            green_latency: 1.3,
            window_s: 60.0,
            ..bad("bad_lat_+30%_60s")
        },
        Scenario {
            green_tail: 2.0,
            rate: 20.0,
            probes: Some(2.0),
            ..bad("bad_tail_+100%_20rps")
        },
        Scenario {
            green_tail: 5.0,
            rate: 20.0,
            probes: Some(2.0),
            ..bad("bad_tail_x5_20rps")
        },
        Scenario {
            green_tail: 5.0,
            rate: 5.0,
            probes: Some(2.0),
            ..bad("bad_tail_x5_5rps")
        },
        Scenario {
            green_tail: 5.0,
            rate: 1.0,
            probes: Some(2.0),
            ..bad("bad_tail_x5_1rps")
        },
    ]
}
