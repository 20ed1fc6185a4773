//! What a call needs to be allowed.

use std::collections::BTreeMap;

use crate::local::automation::Service;
use crate::local::metrics::Document;
use crate::local::query::Parameters;

/// One action that must be allowed for a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The IAM action, such as `s3:GetObject`.
    pub action: String,
    /// What it is about.
    pub target: Target,
    /// Values of the keys that conditions can ask for.
    pub context: Context,
}

/// What an action is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A resource, or `*` where IAM knows none for the action.
    Resource(String),
    /// Something that is not there: whoever may do this to anything is told so by the service.
    Nothing,
}

/// Values by the keys of conditions, in small letters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context(BTreeMap<String, Vec<String>>);

impl Context {
    /// The same with a value more.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<String>) -> Self {
        self.0.entry(key.to_ascii_lowercase()).or_default().push(value.into());
        self
    }

    /// The values of a key; `None` if the request has none.
    pub(super) fn values(&self, key: &str) -> Option<&[String]> {
        self.0.get(&key.to_ascii_lowercase()).map(Vec::as_slice)
    }
}

impl Asked {
    pub(super) fn of(action: impl Into<String>, resource: impl Into<String>) -> Self {
        Self {
            action: action.into(),
            target: Target::Resource(resource.into()),
            context: Context::default(),
        }
    }

    pub(super) fn with(mut self, key: &str, value: impl Into<String>) -> Self {
        self.context = self.context.with(key, value);
        self
    }

    /// `iam:PassRole`, for a service that is to act with a role.
    pub(super) fn pass_role(role: impl Into<String>, service: &str) -> Self {
        Self::of("iam:PassRole", role).with("iam:PassedToService", service)
    }

    /// The same for a call that sets tags.
    pub(super) fn with_tags(self, tags: impl IntoIterator<Item = (String, String)>) -> Self {
        tags.into_iter().fold(self, |asked, (key, value)| {
            asked
                .with(&format!("aws:RequestTag/{key}"), value)
                .with("aws:TagKeys", key)
        })
    }

    /// What a call needs besides for the tags that it sets on what it makes, if it sets any.
    pub(super) fn tagging(&self, action: &str) -> Option<Self> {
        let is_tagged = self.context.values("aws:TagKeys").is_some();
        is_tagged.then(|| Self {
            action: action.to_owned(),
            ..self.clone()
        })
    }

    pub(super) fn with_some(self, key: &str, value: Option<impl Into<String>>) -> Self {
        match value {
            Some(value) => self.with(key, value),
            None => self,
        }
    }
}

/// Where the account is: what its ARNs have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The region.
    pub region: String,
    /// The account's id.
    pub account: String,
}

impl Place {
    /// The ARN of something in the region.
    #[must_use]
    pub fn arn(&self, service: &str, resource: &str) -> String {
        let Self { region, account } = self;
        format!("arn:aws:{service}:{region}:{account}:{resource}")
    }
}

/// What the account has, for calls that name it by an id.
pub trait Inventory: Send + Sync {
    /// Application and name of the environment that has this id, or this name.
    fn environment(&self, id: Option<&str>, name: Option<&str>) -> Option<(String, String)>;

    /// The ARN of the Auto Scaling group that an instance belongs to.
    fn group(&self, instance: &str) -> Option<String>;

    /// The path of the role with this name.
    fn role_path(&self, name: &str) -> Option<String>;

    /// The path of the instance profile with this name.
    fn profile_path(&self, name: &str) -> Option<String>;
}

/// A call, as it came in.
#[derive(Clone, Copy)]
pub enum Call<'a> {
    /// By the query protocol.
    Query(&'a [(String, String)]),
    /// To Route 53.
    Zones {
        /// The method.
        method: &'a str,
        /// The path.
        path: &'a str,
        /// The document.
        body: &'a [u8],
    },
    /// To CloudWatch.
    Metrics {
        /// The operation.
        operation: &'a str,
        /// The document.
        input: &'a Document,
    },
    /// To Lambda, CodePipeline or EventBridge Scheduler.
    Automation {
        /// Which one.
        service: Service,
        /// Address and headers.
        head: &'a http::request::Parts,
        /// The document; empty for services whose path says enough.
        body: &'a [u8],
    },
    /// To S3.
    Objects(&'a http::request::Parts),
}

/// A call by the query protocol, with what it is about.
pub(super) struct Query<'a> {
    pub(super) action: &'a str,
    pub(super) parameters: &'a Parameters,
    pub(super) place: &'a Place,
    pub(super) inventory: &'a dyn Inventory,
}

impl Query<'_> {
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.parameters.text(name)
    }

    /// The texts of a list such as `EnvironmentIds.member.1`.
    pub(super) fn texts(&self, name: &str) -> Vec<&str> {
        self.parameters.texts(name)
    }

    /// Tags in a list.
    pub(super) fn tags(&self, list: &str) -> Vec<(String, String)> {
        let tags = self.parameters.list(list).into_iter();
        tags.filter_map(|tag| {
            Some((
                tag.text("Key")?.to_owned(),
                tag.raw("Value").unwrap_or_default().to_owned(),
            ))
        })
        .collect()
    }
}
