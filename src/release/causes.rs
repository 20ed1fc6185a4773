//! Causes of a health, as Elastic Beanstalk words them: which of them are failed requests, whose numbers say more.

/// What speaks against an environment besides its status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Causes {
    /// Requests that it answers with 5xx.
    pub(super) failing: bool,
    /// Requests that it answers with 4xx.
    pub(super) refused: bool,
    /// Anything else, or nothing that is said.
    pub(super) other: bool,
}

/// Sentences that are no cause of a bad health: they say what goes on, or how much a share is worth.
const REMARKS: [&str; 5] = [
    "Insufficient request rate",
    "in progress",
    "Waiting for",
    "below Auto Scaling group minimum size",
    "below Auto Scaling group desired capacity",
];

/// The balancer counts answers of the instances, too. As long as its share is not above theirs by more points, these are the same
/// requests.
const BESIDE: f64 = 1.0;

impl Causes {
    /// Reads them. The words are those of the service's events, such as `5.9 % of the requests are failing with HTTP 5xx.` and
    /// `5.9 % of the requests to the ELB are failing with HTTP 5xx.` (Developer Guide, "Enhanced health color and status" and
    /// "Enhanced health notifications"); one cause may hold several sentences.
    pub(super) fn of(causes: &[String]) -> Self {
        let sentences = || causes.iter().flat_map(|cause| cause.split(". "));
        let share = |class: &str| {
            let own = sentences().filter(|said| said.contains("of the requests are ") && said.contains(class));
            own.filter_map(percent).fold(None, |most: Option<f64>, share| {
                Some(most.map_or(share, |most| most.max(share)))
            })
        };
        let (failing, refused) = (share("HTTP 5xx"), share("HTTP 4xx"));
        let is_known = |said: &str| {
            let own = if said.contains("HTTP 5xx") { failing } else { refused };
            let by_class = said.contains("HTTP 5xx") || said.contains("HTTP 4xx");
            let at_the_balancer = said.contains("of the requests to the ELB are ");
            by_class && said.contains("of the requests are ") && percent(said).is_some()
                || by_class && at_the_balancer && own.zip(percent(said)).is_some_and(|(own, all)| all <= own + BESIDE)
                || REMARKS.iter().any(|remark| said.contains(remark))
                || said.trim().is_empty()
        };
        Self {
            failing: failing.is_some(),
            refused: refused.is_some(),
            other: failing.is_none() && refused.is_none() || !sentences().all(is_known),
        }
    }

    /// Whether all that is said is how requests are answered.
    pub(super) fn of_requests_alone(self) -> bool {
        !self.other
    }
}

/// The number before the percent sign with which a sentence begins.
fn percent(said: &str) -> Option<f64> {
    said.split_once('%')?.0.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAILING: &str = "19.9 % of the requests are failing with HTTP 5xx.";

    fn of(causes: &[&str]) -> Causes {
        Causes::of(&causes.iter().map(|cause| (*cause).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn requests_are_told_from_everything_else() {
        let requests = Causes {
            failing: true,
            ..Causes::default()
        };
        assert_eq!(of(&[FAILING]), requests);
        assert_eq!(of(&["5% of the requests are failing with HTTP 5xx"]), requests);
        let refused = of(&[
            "8.3 % of the requests are erroring with HTTP 4xx. Insufficient request rate (24.0 requests/min) to determine \
             application health.",
        ]);
        assert!(refused.refused && !refused.failing && refused.of_requests_alone());
        assert!(!of(&[]).of_requests_alone(), "nothing is said");
        for other in [
            "Process default has been unhealthy for 12 minutes (Target.FailedHealthChecks).",
            "Incorrect application version found on 2 out of 5 instances. Expected version \"v1\" (deployment 1).",
            "ELB health is failing or not available for all instances.",
            "Many of the requests are failing with HTTP 5xx.",
        ] {
            assert!(!of(&[other]).of_requests_alone(), "{other}");
            assert!(!of(&[FAILING, other]).of_requests_alone(), "{other}");
        }
    }

    #[test]
    fn remarks_and_the_same_requests_at_the_balancer_are_nothing_more() {
        let beside = |other: &str| of(&[FAILING, other]).of_requests_alone();
        assert!(beside("1 instance online is below Auto Scaling group minimum size 2."));
        assert!(beside("20.9 % of the requests to the ELB are failing with HTTP 5xx."));
        assert!(!beside("21.0 % of the requests to the ELB are failing with HTTP 5xx."));
        assert!(!beside("3.0 % of the requests to the ELB are erroring with HTTP 4xx."));
        assert!(!of(&["3.0 % of the requests to the ELB are failing with HTTP 5xx."]).of_requests_alone());
    }
}
