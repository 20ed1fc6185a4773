//! `SwapEnvironmentCNAMEs`

use super::super::Account;
use super::super::errors;
use super::super::state::{Status, Work};
use super::update::require_ready;
use super::{Call, Reply, done};

impl Account {
    /// `SwapEnvironmentCNAMEs`: accepted at once, done a little later.
    pub(super) fn swap_environment_cnames(&mut self, call: &Call<'_>) -> Reply {
        let parameters = call.parameters;
        let by_id = ["SourceEnvironmentId", "DestinationEnvironmentId"].map(|name| parameters.text(name).is_some());
        let by_name =
            ["SourceEnvironmentName", "DestinationEnvironmentName"].map(|name| parameters.text(name).is_some());
        if by_id != [true, true] && by_name != [true, true] {
            return Err(errors::invalid_combination(
                "You must specify either both environment IDs or both environment names.",
            ));
        }
        let source = self.environment_by(parameters, "SourceEnvironmentId", "SourceEnvironmentName")?;
        let destination = self.environment_by(parameters, "DestinationEnvironmentId", "DestinationEnvironmentName")?;
        if source.id == destination.id {
            return Err(errors::invalid_value(
                "The source environment and the destination environment must not be the same.",
            ));
        }
        require_ready(source)?;
        require_ready(destination)?;
        let (source_id, destination_id) = (source.id.clone(), destination.id.clone());
        let messages = [
            "swapEnvironmentCNAMEs is starting.".to_owned(),
            format!(
                "Swapping CNAMEs for environments '{}' and '{}'.",
                source.name, destination.name
            ),
        ];
        for (id, other, leads) in [
            (&source_id, &destination_id, true),
            (&destination_id, &source_id, false),
        ] {
            let environment = self.environment_mut(id)?;
            let work = Work::Swap {
                other: other.clone(),
                leads,
            };
            environment.begin(Status::Updating, work, call.request_id, call.now);
        }
        self.say_to_both([&source_id, &destination_id], &messages, call.now);
        done()
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::Resolution;
    use super::super::super::fixture::World;

    const SWAP: [(&str, &str); 2] = [
        ("SourceEnvironmentName", "blue"),
        ("DestinationEnvironmentName", "green"),
    ];
    const SHOP: &str = "shop.eu-central-1.elasticbeanstalk.com";

    fn world() -> World {
        let mut world = World::new();
        world.launch_with("blue", "v1", &[("CNAMEPrefix", "shop")]);
        world.launch_with("green", "v2", &[("CNAMEPrefix", "shop-next")]);
        world
    }

    fn leads_to(world: &World, name: &str) -> String {
        match world.account.resolve(name, world.now()) {
            Some(Resolution::Cname { target, .. }) => leads_to(world, &target),
            Some(Resolution::Balancer { environment, .. }) => environment.to_string(),
            Some(Resolution::LoadBalancer { .. }) | None => "nothing".to_owned(),
        }
    }

    #[test]
    fn only_the_cnames_move_and_only_at_the_end() {
        let mut world = world();
        let (blue, green) = (world.id("blue"), world.id("green"));
        let endpoints = |world: &mut World| World::all(&world.ok("DescribeEnvironments", &[]), "EndpointURL");
        let before = endpoints(&mut world);
        let (status, body) = world.raw("SwapEnvironmentCNAMEs", &SWAP);
        assert_eq!(status, 200);
        assert!(
            body.starts_with(
                "<SwapEnvironmentCNAMEsResponse xmlns=\"http://elasticbeanstalk.amazonaws.com/docs/2010-12-01/\">\
                 <ResponseMetadata><RequestId>"
            ),
            "no result element: {body}"
        );
        assert_eq!(
            (world.status("blue"), world.status("green")),
            ("Updating".to_owned(), "Updating".to_owned())
        );
        assert_eq!(leads_to(&world, SHOP), blue);
        let (_, message) = world.refused("SwapEnvironmentCNAMEs", &SWAP);
        assert_eq!(
            message,
            "Environment named blue is in an invalid state for this operation. Must be Ready."
        );
        world.pass(4_999);
        assert_eq!(world.cname("blue"), SHOP);
        world.pass(1);
        assert_eq!(leads_to(&world, SHOP), green, "also before anybody ticks");
        assert_eq!(
            (world.status("blue"), world.status("green")),
            ("Ready".to_owned(), "Ready".to_owned())
        );
        assert_eq!(world.cname("green"), SHOP);
        assert_eq!(world.cname("blue"), "shop-next.eu-central-1.elasticbeanstalk.com");
        assert_eq!(endpoints(&mut world), before);
        assert_eq!(leads_to(&world, "SHOP.eu-central-1.elasticbeanstalk.com."), green);
        assert_eq!(leads_to(&world, "other.eu-central-1.elasticbeanstalk.com"), "nothing");
    }

    #[test]
    fn both_environments_tell_of_the_swap_under_its_request_id() {
        let mut world = world();
        let body = world.ok("SwapEnvironmentCNAMEs", &SWAP);
        let request_id = World::all(&body, "RequestId").remove(0);
        world.wait(10);
        for name in ["blue", "green"] {
            let messages = world.messages(&[("RequestId", &request_id), ("EnvironmentName", name)]);
            assert_eq!(messages.len(), 5);
            assert_eq!(
                messages[0],
                "Completed swapping CNAMEs for environments 'blue' and 'green'."
            );
            assert!(
                messages[2].starts_with(&format!(
                    "'{}' now points to '",
                    "shop-next.eu-central-1.elasticbeanstalk.com"
                )) || messages[2].starts_with(&format!("'{SHOP}' now points to '")),
                "{messages:?}"
            );
            assert_eq!(messages[3], "Swapping CNAMEs for environments 'blue' and 'green'.");
            assert_eq!(messages[4], "swapEnvironmentCNAMEs is starting.");
        }
    }

    #[test]
    fn a_swap_is_its_own_inverse() {
        let mut world = world();
        let blue = world.id("blue");
        for _ in 0..2 {
            world.ok("SwapEnvironmentCNAMEs", &SWAP);
            world.wait(10);
        }
        assert_eq!(leads_to(&world, SHOP), blue);
    }

    #[test]
    fn a_partner_that_is_removed_by_force_leaves_nobody_stuck() {
        let mut world = World::new();
        world.launch_with("blue", "v1", &[("CNAMEPrefix", "shop")]);
        world.ok("CreateApplication", &[("ApplicationName", "other")]);
        world.ok(
            "CreateEnvironment",
            &[
                ("ApplicationName", "other"),
                ("EnvironmentName", "green"),
                ("SolutionStackName", World::STACK),
            ],
        );
        world.wait(330);
        let blue = world.id("blue");
        world.ok("SwapEnvironmentCNAMEs", &SWAP);
        world.ok(
            "DeleteApplication",
            &[("ApplicationName", "other"), ("TerminateEnvByForce", "true")],
        );
        world.wait(10);
        assert_eq!(world.status("blue"), "Ready");
        assert_eq!(leads_to(&world, SHOP), blue);
    }

    #[test]
    fn half_of_the_names_is_not_enough() {
        let mut world = world();
        let (code, _) = world.refused("SwapEnvironmentCNAMEs", &[SWAP[0]]);
        assert_eq!(code, "InvalidParameterCombination");
        let (blue, green) = (world.id("blue"), world.id("green"));
        world.ok(
            "SwapEnvironmentCNAMEs",
            &[("SourceEnvironmentId", &blue), ("DestinationEnvironmentId", &green)],
        );
        let twice = [
            ("SourceEnvironmentId", blue.as_str()),
            ("DestinationEnvironmentId", blue.as_str()),
        ];
        world.refused("SwapEnvironmentCNAMEs", &twice);
    }
}
