//! Who is held to which policy, and what becomes of their calls.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use super::asked::{Asked, Call, Inventory, Place, Target};
use super::operations;
use super::policy::{Policy, Verdict};
use crate::local::automation::Service;
use crate::local::identities::USER;

/// Policies by access key. Without one for its key, a call is allowed.
pub struct Permissions {
    place: Place,
    inventory: Arc<dyn Inventory>,
    policies: RwLock<BTreeMap<String, Arc<Policy>>>,
    /// For keys without a policy of their own.
    everyone: RwLock<Option<Arc<Policy>>>,
    used: Mutex<BTreeSet<String>>,
}

/// Why a call is not allowed, in IAM's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// Who called.
    pub user: String,
    /// The action that is missing.
    pub action: String,
    /// What it was about.
    pub resource: String,
    /// A statement forbids it.
    pub forbidden: bool,
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            user,
            action,
            resource,
            forbidden,
        } = self;
        write!(
            f,
            "User: {user} is not authorized to perform: {action} on resource: {resource} "
        )?;
        if *forbidden {
            f.write_str("with an explicit deny in an identity-based policy")
        } else {
            write!(f, "because no identity-based policy allows the {action} action")
        }
    }
}

impl Permissions {
    /// In this account, where everybody may do everything at first.
    #[must_use]
    pub fn new(place: Place, inventory: Arc<dyn Inventory>) -> Self {
        Self {
            place,
            inventory,
            policies: RwLock::default(),
            everyone: RwLock::default(),
            used: Mutex::default(),
        }
    }

    /// Holds the calls that are made with an access key to a policy; `None` for the calls with any other key.
    pub fn hold(&self, key: Option<&str>, policy: Policy) {
        let policy = Arc::new(policy);
        match key {
            Some(key) => {
                let mut policies = self.policies.write().unwrap_or_else(PoisonError::into_inner);
                policies.insert(key.to_owned(), policy);
            }
            None => *self.everyone.write().unwrap_or_else(PoisonError::into_inner) = Some(policy),
        }
    }

    /// Actions that were asked for and allowed by a policy so far.
    #[must_use]
    pub fn used(&self) -> BTreeSet<String> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The policy that calls with this key are held to.
    pub(in crate::local) fn policy(&self, key: Option<&str>) -> Option<Arc<Policy>> {
        let own = key.and_then(|key| {
            let policies = self.policies.read().unwrap_or_else(PoisonError::into_inner);
            policies.get(key).cloned()
        });
        own.or_else(|| self.everyone.read().unwrap_or_else(PoisonError::into_inner).clone())
    }

    /// Whether a policy allows a call.
    pub(in crate::local) fn check(&self, policy: &Policy, call: Call<'_>) -> Result<(), Denial> {
        let all = operations::asked(call, &self.place, self.inventory.as_ref());
        all.iter().try_for_each(|asked| self.allowed(policy, asked))
    }

    /// Why somebody who reads an object is not told that it is not there, if so.
    pub(in crate::local) fn hides(&self, policy: &Policy, request: &http::request::Parts) -> Option<Denial> {
        self.allowed(policy, &operations::lists_bucket(request)?).err()
    }

    /// Whether what a call to one of these services needs is in its body too.
    pub(in crate::local) fn reads_body(service: Service, head: &http::request::Parts) -> bool {
        operations::reads_body(service, head)
    }

    /// Why an object may not be deleted, if so. A call that deletes several is asked about for each.
    pub(in crate::local) fn keeps(&self, policy: &Policy, bucket: &str, key: &str) -> Option<Denial> {
        self.allowed(policy, &operations::deletes(bucket, key)).err()
    }

    fn allowed(&self, policy: &Policy, asked: &Asked) -> Result<(), Denial> {
        let verdict = policy.verdict(asked);
        if verdict == Verdict::Allowed {
            let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
            if !used.contains(&asked.action) {
                used.insert(asked.action.clone());
            }
            return Ok(());
        }
        Err(Denial {
            user: format!("arn:aws:iam::{}:user/{USER}", self.place.account),
            action: asked.action.clone(),
            resource: match &asked.target {
                Target::Resource(arn) => arn.clone(),
                Target::Nothing => "*".to_owned(),
            },
            forbidden: verdict == Verdict::Forbidden,
        })
    }
}

impl fmt::Debug for Permissions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permissions").finish_non_exhaustive()
    }
}
