//! `TerminateEnvironment`

use super::super::Account;
use super::super::errors;
use super::super::lifecycle::begin_termination;
use super::update::require_ready;
use super::{Call, Reply, result};

impl Account {
    /// `TerminateEnvironment`: like every change, only of an environment that nothing is being done to.
    pub(super) fn terminate_environment(&mut self, call: &Call<'_>) -> Reply {
        call.parameters.boolean("ForceTerminate")?;
        if call.parameters.boolean("TerminateResources")? == Some(false) {
            return Err(errors::not_implemented(
                "TerminateEnvironment with TerminateResources=false",
            ));
        }
        let environment = self.environment(call.parameters)?;
        require_ready(environment)?;
        let id = environment.id.clone();
        if let Some(environment) = self.environments.get_mut(&id) {
            begin_termination(environment, &mut self.events, call.request_id, call.now);
        }
        let environment = self.environment(call.parameters)?;
        result(|xml| self.write_environment(xml, environment))
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::fixture::World;

    const BLUE: (&str, &str) = ("EnvironmentName", "blue");

    #[test]
    fn termination_takes_its_time_and_frees_the_cname_at_the_end() {
        let mut world = World::new();
        world.launch_with("blue", "v1", &[("CNAMEPrefix", "shop")]);
        let id = world.id("blue");
        let body = world.ok("TerminateEnvironment", &[("EnvironmentId", &id)]);
        assert_eq!(World::all(&body, "Status"), ["Terminating"]);
        assert!(world.account.desired().is_empty());
        world.refused("TerminateEnvironment", &[BLUE]);
        world.wait(100);
        assert_eq!(world.status("blue"), "Terminating");
        let free = |world: &mut World| {
            let body = world.ok("CheckDNSAvailability", &[("CNAMEPrefix", "shop")]);
            World::all(&body, "Available").remove(0)
        };
        assert_eq!(free(&mut world), "false");
        world.wait(30);
        assert_eq!(world.status("blue"), "Terminated");
        assert_eq!(free(&mut world), "true");
        assert!(world.account.environments_running().is_empty());
        let messages = world.messages(&[("EnvironmentId", &id)]);
        assert_eq!(messages[0], "terminateEnvironment completed successfully.");
        let (_, message) = world.refused("TerminateEnvironment", &[BLUE]);
        assert_eq!(message, "No Environment found for EnvironmentName = 'blue'.");
        let (_, message) = world.refused("TerminateEnvironment", &[("EnvironmentId", &id)]);
        assert_eq!(message, format!("No Environment found for EnvironmentId = '{id}'."));
    }

    #[test]
    fn an_environment_is_not_gone_while_anything_of_it_is_left() {
        let mut world = World::new();
        world.launch("blue", "v1");
        world.ok("TerminateEnvironment", &[BLUE]);
        world.plane.hold(true);
        world.wait(600);
        assert_eq!(world.status("blue"), "Terminating");
        world.plane.hold(false);
        world.wait(10);
        assert_eq!(world.status("blue"), "Terminated");
    }

    #[test]
    fn neither_name_nor_id_is_an_error_of_its_own() {
        let mut world = World::new();
        assert_eq!(world.refused("TerminateEnvironment", &[]).0, "MissingRequiredParameter");
        world.launch("blue", "v1");
        let id = world.id("blue");
        let both = [("EnvironmentId", id.as_str()), ("EnvironmentName", "green")];
        assert_eq!(
            world.refused("TerminateEnvironment", &both).0,
            "InvalidParameterCombination"
        );
    }
}
