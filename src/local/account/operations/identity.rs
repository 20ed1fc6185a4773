//! STS: who is calling.

use super::super::Account;
use super::{Reply, result};
use crate::local::identities::{USER, USER_ID};

impl Account {
    /// `GetCallerIdentity`: everybody is the same user here.
    pub(super) fn get_caller_identity(&self) -> Reply {
        let account_id = &self.settings.account_id;
        result(|xml| {
            xml.text("Arn", format!("arn:aws:iam::{account_id}:user/{USER}"));
            xml.text("UserId", USER_ID);
            xml.text("Account", account_id);
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::fixture::World;

    #[test]
    fn the_caller_is_told_in_sts_own_namespace() {
        let mut world = World::new();
        let body = world.ok("GetCallerIdentity", &[("Version", "2011-06-15")]);
        assert!(
            body.starts_with(
                "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
                 <GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/local</Arn>"
            ),
            "{body}"
        );
    }
}
