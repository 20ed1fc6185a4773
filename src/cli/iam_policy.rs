//! `cutover iam-policy`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use super::project::journal_place;
use super::{exit, output};
use crate::compose::{Project, Reach};
use crate::roles::{Duty, Form, Home, Scope, policy};
use crate::spec::JournalPlace;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The project's settings.
    #[arg(long, short, value_name = "FILE", default_value = "cutover.toml")]
    config: PathBuf,
    /// Where the journal is, instead of what the settings say: a folder, or a prefix on S3.
    #[arg(long, value_name = "DIR|s3://BUCKET/PREFIX", value_parser = journal_place())]
    journal: Option<JournalPlace>,
    /// What the role is trusted with; may be given several times. Default: everything.
    #[arg(long, value_name = "DUTY", value_parser = duty())]
    duty: Vec<Option<Duty>>,
    /// Id of the account. Default: any.
    #[arg(long, value_name = "ID", conflicts_with = "ask", value_parser = account)]
    account: Option<String>,
    /// The region. Default: what the settings say, or any.
    #[arg(long, value_name = "REGION", conflicts_with = "ask", value_parser = super::region)]
    region: Option<String>,
    /// The pipeline of CodePipeline whose jobs are releases, if that is how they are made.
    #[arg(long, value_name = "NAME")]
    pipeline: Option<String>,
    /// Ask AWS for the account, the region and the hosted zone.
    #[arg(long)]
    ask: bool,
    /// `cloudformation` fills in account and region by pseudo parameters.
    #[arg(long, value_name = "FORMAT", default_value = "json", value_parser = PossibleValuesParser::new(["json", "cloudformation"]))]
    format: String,
}

/// Reads the id of an account. A policy with anything else in its place would allow nothing.
fn account(text: &str) -> Result<String, &'static str> {
    let is_one = text.len() == 12 && text.chars().all(|c| c.is_ascii_digit());
    is_one
        .then(|| text.to_owned())
        .ok_or("the id of an account has twelve digits, without hyphens")
}

/// A duty, or `None` for all of them.
fn duty() -> impl TypedValueParser<Value = Option<Duty>> {
    let words = Duty::ALL.map(Duty::as_str).into_iter().chain([ALL]);
    PossibleValuesParser::new(words).map(|word| Duty::ALL.into_iter().find(|duty| duty.as_str() == word))
}

/// The word for all of them.
const ALL: &str = "all";

pub(super) async fn run(arguments: Arguments) -> ExitCode {
    let project = match Project::read(&arguments.config, arguments.journal.as_ref()) {
        Ok(project) => project,
        Err(error) => return output::bad_spec(&error),
    };
    if arguments.format == "cloudformation" && (arguments.account.is_some() || arguments.region.is_some()) {
        let why = "--format cloudformation fills in account and region by itself: leave --account and --region out";
        return output::fail(exit::USAGE, why);
    }
    let home = if arguments.ask {
        let reach = match Reach::from_environment() {
            Ok(reach) => reach,
            Err(message) => return output::fail(exit::USAGE, message),
        };
        match project.home(&reach).await {
            Ok(home) => home,
            Err(error) => {
                let advice = "check credentials and region, or leave --ask out and give --account and --region";
                return output::fail(
                    exit::FAILED,
                    format!("could not ask AWS where the project is: {error}; {advice}"),
                );
            }
        }
    } else {
        Home {
            account: arguments.account.clone(),
            region: arguments.region.clone(),
            zone: None,
        }
    };
    if arguments.ask && project.zone_is_unknown(&home) {
        output::tell(format_args!(
            "cutover: no public hosted zone of this account holds the name with the weights, so the policy allows it in any zone: check the name, or \
             set `weighted_dns.zone`"
        ));
    }
    let form = match arguments.format.as_str() {
        "cloudformation" => Form::CloudFormation,
        _ => Form::Plain,
    };
    let duties: Vec<Duty> = if arguments.duty.is_empty() || arguments.duty.contains(&None) {
        Duty::ALL.to_vec()
    } else {
        arguments.duty.iter().copied().flatten().collect()
    };
    let scope = Scope::new(&project.spec, &project.journal, &home, form).in_pipeline(arguments.pipeline.as_deref());
    match serde_json::to_string_pretty(&policy(&scope, &duties)) {
        Ok(text) => output::print(text),
        Err(error) => return output::fail(exit::FAILED, format!("could not write the policy as JSON: {error}")),
    }
    if duties.iter().any(|duty| matches!(duty, Duty::Stage | Duty::Terminate)) {
        output::tell(format_args!("{SERVICE}"));
    }
    ExitCode::SUCCESS
}

/// What no policy of ours can say.
const SERVICE: &str = "\
This is what cutover itself calls. Elastic Beanstalk makes, changes and removes the resources of environments with the permissions of \
whoever calls it: the role needs the AWS managed policy AdministratorAccess-AWSElasticBeanstalk as well, or environments with an operations \
role. See docs/permissions.md.";
