//! Further releases that the engine is tried with.

use super::scenario::{Incident, Scenario, Storms};

/// Other good releases: other rates, splits, windows, bursts, and lasting differences.
pub(crate) fn good() -> Vec<Scenario> {
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
pub(crate) fn bad() -> Vec<Scenario> {
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
