//! What an error of a call means for the release: it did not happen, or nobody knows.

use std::error::Error;
use std::fmt;

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::release::CallResult;

/// Why a call failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallError {
    /// The operation's name.
    pub operation: &'static str,
    /// The service's error code, if it answered with one.
    pub code: Option<String>,
    /// What was wrong, in the service's words or ours.
    pub message: String,
    /// What is known of its effect.
    pub effect: Effect,
}

/// What is known of the effect of a call that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It did not happen, and will not by asking again.
    Refused,
    /// It did not happen now; later it may.
    NotNow,
    /// It may have happened.
    Unknown,
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.code {
            Some(code) => write!(f, "{}: {code}: {}", self.operation, self.message),
            None => write!(f, "{}: {}", self.operation, self.message),
        }
    }
}

impl Error for CallError {}

impl CallError {
    /// An error of our own, made before anything was sent.
    pub(super) fn refused(operation: &'static str, message: impl Into<String>) -> Self {
        Self {
            operation,
            code: None,
            message: message.into(),
            effect: Effect::Refused,
        }
    }

    /// Whether a permission is missing.
    #[must_use]
    pub fn is_denied(&self) -> bool {
        [
            "AccessDenied",
            "AccessDeniedException",
            "InsufficientPrivilegesException",
        ]
        .iter()
        .any(|code| self.has_code(code))
    }

    /// The same; with the permission that it needs, where it was denied by an answer without words, as those to HEAD requests are.
    pub(super) fn needing(mut self, permission: &str) -> Self {
        if (self.code.is_none() && self.message == without_words(403)) || self.has_code("Forbidden") {
            self.code = Some("AccessDenied".to_owned());
            self.message = format!("access was denied; the credentials need {permission}");
        }
        self
    }

    /// Whether the service did not accept who we are: credentials that have run out or are not known, or a clock that is wrong.
    /// Nothing was carried out, and with other credentials the same call may be.
    #[must_use]
    pub fn is_unauthenticated(&self) -> bool {
        self.code.as_deref().is_some_and(|code| UNAUTHENTICATED.contains(&code))
    }

    /// Whether the service answered with this code.
    #[must_use]
    pub fn has_code(&self, code: &str) -> bool {
        self.code.as_deref() == Some(code)
    }

    /// The same error; but one of something that is there already settles itself when it is looked at.
    pub(super) fn not_now_if_there(self) -> Self {
        if self.already_exists() {
            Self {
                effect: Effect::NotNow,
                ..self
            }
        } else {
            self
        }
    }

    /// Whether the service says that something of this name exists.
    #[must_use]
    pub fn already_exists(&self) -> bool {
        self.message.trim_end_matches('.').ends_with("already exists")
    }
}

impl From<CallError> for CallResult {
    fn from(error: CallError) -> Self {
        let message = error.to_string();
        match error.effect {
            Effect::Refused => Self::Refused {
                message,
                retryable: false,
            },
            Effect::NotNow => Self::Refused {
                message,
                retryable: true,
            },
            Effect::Unknown => Self::Unknown { message },
        }
    }
}

/// What is said of an answer that says nothing.
fn without_words(status: u16) -> String {
    format!("the service answered with status {status}")
}

/// What is said where no region is known.
pub(super) const NO_REGION: &str = "no region is set; set AWS_REGION, or `region` in cutover.toml";

/// Reads an error of the SDK.
pub(super) fn read<E>(operation: &'static str, error: SdkError<E, HttpResponse>) -> CallError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    match error {
        SdkError::ServiceError(service) => {
            let status = service.raw().status().as_u16();
            let metadata = service.err();
            let code = metadata.code().map(str::to_owned);
            let message = metadata.message().map_or_else(|| without_words(status), str::to_owned);
            let effect = effect(status, code.as_deref().unwrap_or_default(), &message);
            CallError {
                operation,
                code,
                message,
                effect,
            }
        }
        _ if lacks_region(&chain(&error)) => CallError::refused(operation, NO_REGION),
        // Nothing was sent: no credentials, an input that cannot be written.
        SdkError::ConstructionFailure(_) => CallError {
            operation,
            code: None,
            message: chain(&error),
            effect: Effect::Refused,
        },
        SdkError::DispatchFailure(ref failure) if failure.is_other() => CallError {
            operation,
            code: None,
            message: plain(chain(&error)),
            effect: on_the_way(&error),
        },
        _ => CallError {
            operation,
            code: None,
            message: plain(chain(&error)),
            effect: Effect::Unknown,
        },
    }
}

/// What is known of a call that failed on its way out, and not for the network: credentials are fetched there.
fn on_the_way(error: &(dyn Error + 'static)) -> Effect {
    match without_credentials(error) {
        Some(CredentialsError::CredentialsNotLoaded(_) | CredentialsError::InvalidConfiguration(_)) => Effect::Refused,
        // There are some, and whoever hands them out was busy, down, or slow. Nothing was sent.
        Some(_) => Effect::NotNow,
        None if chain(error).contains("credential") => Effect::Refused,
        None => Effect::Unknown,
    }
}

/// Why there were no credentials, if that is below an error.
fn without_credentials<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a CredentialsError> {
    let mut below = Some(error);
    while let Some(error) = below {
        if let Some(found) = error.downcast_ref::<CredentialsError>() {
            return Some(found);
        }
        below = error.source();
    }
    None
}

/// Whether the SDK says, in the words of one service or another, that it knows no region.
fn lacks_region(said: &str) -> bool {
    ["Missing Region", "A region must be set"]
        .iter()
        .any(|words| said.contains(words))
}

/// The SDK's words for what everybody meets once, in ours: one line, with what to do next.
fn plain(said: String) -> String {
    // It lists every place where it looked for credentials, on a line each.
    if said.contains("no credentials found in chain") {
        // A profile that is there and leads to one that is not.
        let profile = said.lines().find_map(|line| Some(&line[line.find("profile `")?..]));
        let found = profile.map_or_else(String::new, |profile| format!(" ({})", profile.trim()));
        return format!(
            "no credentials were found{found}; set AWS_PROFILE to a profile that exists, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, \
             or log in with `aws login` or `aws sso login`"
        );
    }
    if let Some((_, cause)) = said.split_once("client error (Connect): ") {
        return format!(
            "AWS could not be reached ({cause}); check the network, the proxy variables (HTTPS_PROXY, HTTP_PROXY, NO_PROXY), and \
             AWS_ENDPOINT_URL if that is set"
        );
    }
    if said.contains("SSO token") {
        return format!("{said}; log in again with `aws sso login`, with `--profile` for a profile of your own");
    }
    if said.contains("Login token") {
        return format!("{said}; log in again with `aws login`, with `--profile` for a profile of your own");
    }
    said
}

/// Codes by which services say that they do not accept who we are (source: "Common Error Types" of their APIs, "Error responses"
/// of the S3 API). A signature that is not right may be one by a clock that is not.
const UNAUTHENTICATED: [&str; 10] = [
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "InvalidToken",
    "RequestExpired",
    "SignatureDoesNotMatch",
    "TokenRefreshRequired",
    "UnrecognizedClientException",
];

/// What a service's own answer says of the effect.
fn effect(status: u16, code: &str, message: &str) -> Effect {
    const THROTTLED: [&str; 8] = [
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "RequestThrottled",
        "RequestLimitExceeded",
        "TooManyRequestsException",
        "SlowDown",
        "PriorRequestNotComplete",
    ];
    if status == 429 || THROTTLED.contains(&code) || UNAUTHENTICATED.contains(&code) {
        return Effect::NotNow;
    }
    // A request that reached a server which then failed may have been carried out. S3 begins to answer a long call before it knows
    // how that ends, so such a failure can come with a status of success (source: `CompleteMultipartUpload` of its API). A redirect
    // is a clear answer.
    if !(300..500).contains(&status) || code == "InternalError" {
        return Effect::Unknown;
    }
    let busy = message.contains("invalid state for this operation")
        || message.contains("Must be Ready")
        || matches!(
            code,
            // Of Auto Scaling, while a group grows or shrinks.
            "ScalingActivityInProgress"
                | "OperationInProgressFailure"
                | "OperationInProgressException"
                | "ConditionalRequestConflict"
                | "OperationAborted"
                | "RequestTimeout"
                // A body that was damaged on its way, and a clock that will be set.
                | "BadDigest"
                | "IncompleteBody"
                | "RequestTimeTooSkewed"
        );
    if busy { Effect::NotNow } else { Effect::Refused }
}

/// An error with everything below it, each said once.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut below = error.source();
    while let Some(source) = below {
        let said = source.to_string();
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        below = source.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use aws_sdk_sts::operation::get_caller_identity::GetCallerIdentityError;
    use aws_smithy_runtime_api::client::result::ConnectorError;

    use super::*;

    #[test]
    fn credentials_that_could_not_be_fetched_may_come_later() {
        let met = |error: CredentialsError| {
            let failure = ConnectorError::other(error.into(), None);
            let error: SdkError<GetCallerIdentityError, HttpResponse> = SdkError::dispatch_failure(failure);
            read("GetCallerIdentity", error)
        };
        for error in [
            CredentialsError::not_loaded_no_source(),
            CredentialsError::not_loaded("no credentials found in chain. Attempted:\n  Environment: not set"),
            CredentialsError::invalid_configuration("the profile names itself"),
        ] {
            let error = met(error);
            assert_eq!(error.effect, Effect::Refused, "{error}");
        }
        for error in [
            CredentialsError::provider_error("the agent answered with status 429"),
            CredentialsError::provider_timed_out(Duration::from_secs(5)),
            CredentialsError::unhandled("the answer was cut short"),
        ] {
            let error = met(error);
            assert_eq!(error.effect, Effect::NotNow, "{error}");
        }
        let said = met(CredentialsError::provider_error("the agent answered with status 429")).message;
        assert!(
            said.ends_with("loading credentials: the agent answered with status 429"),
            "{said}"
        );
    }

    #[test]
    fn common_troubles_are_told_plainly() {
        let refused =
            "dispatch failure: io error: client error (Connect): tcp connect error: Connection refused (os error 111)";
        assert_eq!(
            plain(refused.to_owned()),
            "AWS could not be reached (tcp connect error: Connection refused (os error 111)); check the network, the proxy variables \
             (HTTPS_PROXY, HTTP_PROXY, NO_PROXY), and AWS_ENDPOINT_URL if that is set"
        );
        let none =
            plain("no credentials found in chain. Attempted:\n  Environment: not set\n  Profile: not set".to_owned());
        assert!(none.contains("credential") && !none.contains('\n'), "{none}");
        let led = plain(
            "no credentials found in chain. Attempted:\n  Environment: not set\n  Profile: not enabled: profile `base` was not defined: \
             could not find source profile `base` referenced from `ci`\n  IMDS: off"
                .to_owned(),
        );
        assert!(
            led.contains(
                "(profile `base` was not defined: could not find source profile `base` referenced from `ci`);"
            ),
            "{led}"
        );
        assert_eq!(plain("something else".to_owned()), "something else");
        let session = "dispatch failure: other: an error occurred while loading credentials: the SSO token has expired and cannot be refreshed";
        let said = plain(session.to_owned());
        assert!(
            said.contains("has expired") && said.contains("`aws sso login`"),
            "{said}"
        );
        let session =
            "dispatch failure: other: an error occurred while loading credentials: cached Login token is expired";
        let said = plain(session.to_owned());
        assert!(said.contains("is expired") && said.contains("`aws login`"), "{said}");
    }

    #[test]
    fn no_region_is_told_alike_whichever_service_is_asked() {
        for said in [
            "Invalid Configuration: Missing Region",
            "A region must be set when sending requests to S3.",
        ] {
            let error: SdkError<GetCallerIdentityError, HttpResponse> = SdkError::construction_failure(said);
            let error = read("GetCallerIdentity", error);
            assert_eq!((error.message.as_str(), error.effect), (NO_REGION, Effect::Refused));
            let failure = ConnectorError::other(said.into(), None);
            let error: SdkError<GetCallerIdentityError, HttpResponse> = SdkError::dispatch_failure(failure);
            assert_eq!(read("GetCallerIdentity", error).message, NO_REGION);
        }
    }

    #[test]
    fn only_a_clear_answer_says_that_nothing_happened() {
        let cases = [
            (400, "Throttling", "Rate exceeded", Effect::NotNow),
            (503, "SlowDown", "Reduce your request rate.", Effect::NotNow),
            (
                400,
                "InvalidParameterValue",
                "Environment named x is in an invalid state for this operation. Must be Ready.",
                Effect::NotNow,
            ),
            (
                400,
                "InvalidParameterValue",
                "No Environment found for EnvironmentName = 'x'.",
                Effect::Refused,
            ),
            (403, "AccessDenied", "no", Effect::Refused),
            (500, "InternalFailure", "", Effect::Unknown),
            (503, "ServiceUnavailable", "", Effect::Unknown),
            (
                200,
                "InternalError",
                "We encountered an internal error. Please try again.",
                Effect::Unknown,
            ),
            (200, "InvalidPart", "", Effect::Unknown),
            (409, "InternalError", "", Effect::Unknown),
            (429, "", "", Effect::NotNow),
            (400, "ExpiredToken", "The provided token has expired.", Effect::NotNow),
            (400, "RequestExpired", "", Effect::NotNow),
            (
                403,
                "SignatureDoesNotMatch",
                "Signature expired: 20260101T000000Z is now earlier than 20260101T000500Z",
                Effect::NotNow,
            ),
            (200, "SlowDown", "Reduce your request rate.", Effect::NotNow),
            (301, "PermanentRedirect", "", Effect::Refused),
            (412, "PreconditionFailed", "", Effect::Refused),
        ];
        for (status, code, message, wanted) in cases {
            assert_eq!(effect(status, code, message), wanted, "{status} {code} {message}");
        }
    }
}
