//! Environment variables that checks of a release need on the machine that drives it. One that is not set would show only when
//! green is there, and would be taken for green's fault.

use std::collections::BTreeMap;

use crate::probe::variables;
use crate::release::preflight::Problem;
use crate::release::{CountedBy, Plan};
use crate::spec::Check;

/// Code of the problem.
pub(super) const CODE: &str = "variable";

/// The variables that are not set, each with what needs it.
pub(super) fn unset(plan: &Plan, is_set: impl Fn(&str) -> bool) -> Vec<Problem> {
    let mut missing: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut needs = |text: &str, place: &dyn Fn() -> String| {
        for name in variables(text).filter(|name| !is_set(name)) {
            let places = missing.entry(name.to_owned()).or_default();
            let place = place();
            if !places.contains(&place) {
                places.push(place);
            }
        }
    };
    let mut of_check = |kind: &str, check: &Check| {
        for (header, value) in &check.headers {
            needs(value, &|| {
                format!("header {header} of the {kind} check {:?}", check.title())
            });
        }
        if let Some(body) = &check.body {
            needs(body, &|| format!("the body of the {kind} check {:?}", check.title()));
        }
    };
    for check in &plan.smoke.checks {
        of_check("smoke", check);
    }
    // Those that the bake has from the smoke checks are named already.
    for check in plan
        .bake_checks
        .iter()
        .filter(|check| !plan.smoke.checks.contains(check))
    {
        of_check("bake", check);
    }
    for (number, step) in plan.steps.iter().enumerate() {
        for check in &step.checks {
            of_check(&format!("step-{}", number + 1), check);
        }
    }
    if let CountedBy::Endpoint(endpoint) = &plan.counted_by {
        for (header, value) in &endpoint.headers {
            needs(value, &|| format!("header {header} of `verdict.endpoint`"));
        }
    }
    let problem = |(name, places): (String, Vec<String>)| {
        Problem::new(
            CODE,
            format!("the environment variable {name} is not set: {}", places.join(", ")),
            format!("set {name} where cutover runs, or take `${{{name}}}` out of cutover.toml"),
        )
    };
    missing.into_iter().map(problem).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::tests::plan;
    use crate::spec::{EndpointSpec, StepSpec};

    fn check(path: &str, header: Option<&str>, body: Option<&str>) -> Check {
        Check {
            path: path.to_owned(),
            headers: header
                .map(|value| ("authorization".to_owned(), value.to_owned()))
                .into_iter()
                .collect(),
            body: body.map(str::to_owned),
            ..Check::default()
        }
    }

    #[test]
    fn variables_that_are_not_set_are_named_with_all_that_needs_them() {
        let mut plan = plan();
        plan.smoke.checks = vec![
            check("/", Some("Bearer ${TOKEN}"), None),
            check("/orders", None, Some("{\"key\":\"${KEY}${TOKEN}\"}")),
            check("/plain", Some("costs $5"), None),
        ];
        plan.bake_checks = vec![plan.smoke.checks[0].clone(), check("/health", Some("${PULSE}"), None)];
        plan.steps = vec![StepSpec {
            checks: vec![check("/step", Some("${TOKEN}"), None)],
            ..StepSpec::whole()
        }];
        plan.counted_by = CountedBy::Endpoint(EndpointSpec {
            url: "https://metrics.example.com/".to_owned(),
            headers: [("x-key".to_owned(), "${METRICS}".to_owned())].into(),
            timeout: crate::model::Span::from_secs(1),
        });
        assert_eq!(unset(&plan, |_| true), []);
        let found = unset(&plan, |name| name == "KEY");
        let told: Vec<&str> = found.iter().map(|problem| problem.message.as_str()).collect();
        assert_eq!(
            told,
            [
                "the environment variable METRICS is not set: header x-key of `verdict.endpoint`",
                "the environment variable PULSE is not set: header authorization of the bake check \"GET /health\"",
                "the environment variable TOKEN is not set: header authorization of the smoke check \"GET /\", the body of the \
                 smoke check \"GET /orders\", header authorization of the step-1 check \"GET /step\"",
            ]
        );
        assert!(
            found
                .iter()
                .all(|problem| problem.advice.contains("where cutover runs"))
        );
    }
}
