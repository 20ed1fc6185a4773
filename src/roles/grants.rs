//! The table: which actions, on what, for which duty, under which settings, and why.
//!
//! Which resources and conditions an action knows is taken from "Resources and conditions for Elastic Beanstalk actions" of
//! the Elastic Beanstalk Developer Guide, and from the Service Authorization Reference for the other services. Actions on
//! everything (`*`) are those for which IAM knows no resource.

use super::{Duty, Scope};
use crate::spec::Lever;

use Duty::{Read, Stage, Switch, Terminate};

/// Actions that are needed together, on the same resources.
#[derive(Clone, Copy, Debug)]
pub struct Grant {
    /// The statement's id. It begins with the duty.
    pub sid: &'static str,
    /// Duties that need it.
    pub duties: &'static [Duty],
    /// IAM actions.
    pub actions: &'static [&'static str],
    /// What they are allowed on.
    pub on: On,
    /// Under which settings they are needed.
    pub when: When,
    /// What for.
    pub why: &'static str,
}

/// What actions are allowed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    /// Everything: IAM knows no resource for these actions.
    Everything,
    /// Applications, versions and environments of the whole region.
    Region,
    /// The application's environments, whatever they are called: cutover has not made the first blue.
    Environments,
    /// Environments with the name of a green.
    Greens,
    /// The application's versions.
    Versions,
    /// The application and its versions: of what makes a version, the Developer Guide says that it needs the version alone, and the
    /// Service Authorization Reference that it needs both.
    NewVersions,
    /// Saved configurations with the name of a green.
    Templates,
    /// All of the application that has events.
    Events,
    /// The bucket for bundles.
    BundleBucket,
    /// The application's bundles in it.
    Bundles,
    /// The journal's bucket.
    JournalBucket,
    /// The slot's part of the journal.
    Journal,
    /// The hosted zone.
    Zone,
    /// The name and its companion in the hosted zone, created and deleted.
    Records,
    /// The hosted zone, and changes of zones.
    ZoneAndChanges,
    /// The rules that carry the traffic.
    Rules,
    /// The pipeline that releases are made by.
    Pipeline,
    /// Auto Scaling groups of Elastic Beanstalk's environments.
    Groups,
}

/// Under which settings actions are needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Always.
    Always,
    /// With this lever.
    With(Lever),
    /// With weighted records whose hosted zone is not named.
    ZoneIsLookedUp,
    /// With a journal on S3.
    JournalOnS3,
    /// When bundles go to Elastic Beanstalk's own bucket.
    OwnBucket,
    /// When releases are made by a pipeline of CodePipeline.
    InPipeline,
    /// When target groups are what requests are counted by.
    CountedByGroups,
    /// With alarms that speak against green.
    WithAlarms,
    /// When sick instances are replaced.
    ReplacesInstances,
}

impl Grant {
    /// Whether a configuration needs it.
    #[must_use]
    pub fn is_needed(&self, scope: &Scope) -> bool {
        match self.when {
            When::Always => true,
            When::With(lever) => scope.lever() == lever,
            When::ZoneIsLookedUp => scope.lever() == Lever::WeightedDns && !scope.names_zone(),
            When::JournalOnS3 => scope.journal_on_s3(),
            When::OwnBucket => scope.own_bucket(),
            When::InPipeline => scope.pipeline().is_some(),
            When::CountedByGroups => scope.counted_by_groups(),
            When::WithAlarms => scope.with_alarms(),
            When::ReplacesInstances => scope.replaces_instances(),
        }
    }
}

/// All that cutover may do on AWS. `sts:GetCallerIdentity` needs no permission.
pub const GRANTS: &[Grant] = &[
    Grant {
        sid: "ReadRegion",
        duties: &[Read],
        actions: &[
            "elasticbeanstalk:DescribeApplicationVersions",
            "elasticbeanstalk:DescribeApplications",
            "elasticbeanstalk:DescribeEnvironments",
        ],
        on: On::Region,
        when: When::Always,
        why: "What is there, and how much of the region's quotas is used. Lists leave out silently what may not be seen.",
    },
    Grant {
        sid: "ReadQuotas",
        duties: &[Read],
        actions: &[
            "autoscaling:DescribeAutoScalingGroups",
            "elasticbeanstalk:DescribeAccountAttributes",
        ],
        on: On::Everything,
        when: When::Always,
        why: "The account's quotas, before a release begins; and how few and how many instances an Auto Scaling group may run, how many \
              it runs, and its target group.",
    },
    Grant {
        sid: "ReadEnvironments",
        duties: &[Read],
        actions: &[
            "elasticbeanstalk:DescribeConfigurationSettings",
            "elasticbeanstalk:DescribeEnvironmentHealth",
            "elasticbeanstalk:DescribeEnvironmentManagedActions",
            "elasticbeanstalk:DescribeEnvironmentResources",
            "elasticbeanstalk:DescribeInstancesHealth",
            "elasticbeanstalk:ListTagsForResource",
            "elasticbeanstalk:RequestEnvironmentInfo",
            "elasticbeanstalk:RetrieveEnvironmentInfo",
        ],
        on: On::Environments,
        when: When::Always,
        why: "Health, instances and their versions, configuration, Auto Scaling group, managed updates, whose environment it is, and \
              the logs of a green that was taken back.",
    },
    Grant {
        sid: "ReadEvents",
        duties: &[Read],
        actions: &["elasticbeanstalk:DescribeEvents"],
        on: On::Events,
        when: When::Always,
        why: "Errors while green comes up. Asked for one environment; AWS does not say which of these resources is looked at then.",
    },
    Grant {
        sid: "ReadBundleBucket",
        duties: &[Read],
        actions: &["s3:ListBucket"],
        on: On::BundleBucket,
        when: When::Always,
        why: "Whether the bucket is there, and to be told of a bundle that is not there (404) and not that it is secret (403).",
    },
    Grant {
        sid: "ReadBundles",
        duties: &[Read, Stage],
        actions: &["s3:GetObject"],
        on: On::Bundles,
        when: When::Always,
        why: "Whether a bundle is there. From a bucket that is not its own, Elastic Beanstalk reads it with this permission.",
    },
    Grant {
        sid: "ReadJournalBucket",
        duties: &[Read],
        actions: &["s3:ListBucket"],
        on: On::JournalBucket,
        when: When::JournalOnS3,
        why: "The newest release, and the difference between an entry that is not there and one that is secret.",
    },
    Grant {
        sid: "ReadJournal",
        duties: &[Read],
        actions: &["s3:GetObject"],
        on: On::Journal,
        when: When::JournalOnS3,
        why: "The journal's entries.",
    },
    Grant {
        sid: "ReadZones",
        duties: &[Read],
        actions: &["route53:ListHostedZonesByName"],
        on: On::Everything,
        when: When::ZoneIsLookedUp,
        why: "Which hosted zone holds the name.",
    },
    Grant {
        sid: "ReadRecords",
        duties: &[Read],
        actions: &["route53:GetChange", "route53:ListResourceRecordSets"],
        on: On::ZoneAndChanges,
        when: When::With(Lever::WeightedDns),
        why: "The name's weights, and whether all servers know of a change.",
    },
    Grant {
        sid: "ReadRules",
        duties: &[Read],
        actions: &[
            "elasticloadbalancing:DescribeListeners",
            "elasticloadbalancing:DescribeRules",
            "elasticloadbalancing:DescribeTags",
            "elasticloadbalancing:DescribeTargetHealth",
        ],
        on: On::Everything,
        when: When::With(Lever::WeightedTargetGroups),
        why: "The rules' weights, whether Elastic Beanstalk has made the rules and will remove them, which other rules lead to blue, and whether targets are healthy.",
    },
    Grant {
        sid: "ReadMetrics",
        duties: &[Read],
        actions: &["cloudwatch:GetMetricData", "elasticloadbalancing:DescribeTargetGroups"],
        on: On::Everything,
        when: When::CountedByGroups,
        why: "What both environments serve, by their target groups, and the load balancer that these are counted at.",
    },
    Grant {
        sid: "ReadAlarms",
        duties: &[Read],
        actions: &["cloudwatch:DescribeAlarms"],
        on: On::Everything,
        when: When::WithAlarms,
        why: "The state of the alarms in `verdict.alarms`. Composite alarms are told only to those who may see all.",
    },
    Grant {
        sid: "StageBundles",
        duties: &[Stage],
        actions: &["s3:AbortMultipartUpload", "s3:PutObject"],
        on: On::Bundles,
        when: When::Always,
        why: "The upload of the bundle, and taking back one that failed.",
    },
    Grant {
        sid: "StageBucket",
        duties: &[Stage],
        actions: &["elasticbeanstalk:CreateStorageLocation"],
        on: On::Everything,
        when: When::OwnBucket,
        why: "The region's own bucket for bundles, and its name.",
    },
    Grant {
        sid: "StageVersions",
        duties: &[Stage],
        actions: &["elasticbeanstalk:CreateApplicationVersion"],
        on: On::NewVersions,
        when: When::Always,
        why: "The application version.",
    },
    Grant {
        sid: "StageTemplates",
        duties: &[Stage],
        actions: &["elasticbeanstalk:CreateConfigurationTemplate"],
        on: On::Templates,
        when: When::Always,
        why: "The copy of blue's configuration, for green and for the way back.",
    },
    Grant {
        sid: "StageGreen",
        duties: &[Stage],
        actions: &["elasticbeanstalk:AddTags", "elasticbeanstalk:CreateEnvironment"],
        on: On::Greens,
        when: When::Always,
        why: "Green, with the tags that say whose it is.",
    },
    Grant {
        sid: "StageCapacity",
        duties: &[Stage],
        actions: &["elasticbeanstalk:UpdateEnvironment"],
        on: On::Environments,
        when: When::Always,
        why: "Green's limits on instances, once it does not have to carry what blue carried at that moment; those of a former blue \
              that is used again; and those of blue, which must not shrink while users may have to go back to it.",
    },
    Grant {
        sid: "SwitchNames",
        duties: &[Switch],
        actions: &["elasticbeanstalk:SwapEnvironmentCNAMEs"],
        on: On::Environments,
        when: When::With(Lever::CnameSwap),
        why: "The swap, and the swap back.",
    },
    Grant {
        sid: "SwitchRecords",
        duties: &[Switch],
        actions: &["route53:ChangeResourceRecordSets"],
        on: On::Records,
        when: When::With(Lever::WeightedDns),
        why: "The name's weights and the text beside it; no other name of the zone, and no overwriting (`UPSERT`).",
    },
    Grant {
        sid: "SwitchRules",
        duties: &[Switch],
        actions: &["elasticloadbalancing:ModifyRule"],
        on: On::Rules,
        when: When::With(Lever::WeightedTargetGroups),
        why: "The rules' weights.",
    },
    Grant {
        sid: "TerminateInstances",
        duties: &[Terminate],
        actions: &["autoscaling:TerminateInstanceInAutoScalingGroup"],
        on: On::Groups,
        when: When::ReplacesInstances,
        why: "One sick instance of green, while the others are well.",
    },
    Grant {
        sid: "TerminateEnvironments",
        duties: &[Terminate],
        actions: &["elasticbeanstalk:TerminateEnvironment"],
        on: On::Environments,
        when: When::Always,
        why: "Blue after a promotion, green after a rollback.",
    },
    Grant {
        sid: "TerminateVersions",
        duties: &[Terminate],
        actions: &["elasticbeanstalk:DeleteApplicationVersion"],
        on: On::Versions,
        when: When::Always,
        why: "Old versions that releases of the slot have made, beyond `retire.keep_versions`.",
    },
    Grant {
        sid: "TerminateTemplates",
        duties: &[Terminate],
        actions: &["elasticbeanstalk:DeleteConfigurationTemplate"],
        on: On::Templates,
        when: When::Always,
        why: "Copies of configurations that lead nowhere any more.",
    },
    Grant {
        sid: "WriteJournal",
        duties: &[Stage, Switch, Terminate],
        actions: &["s3:PutObject"],
        on: On::Journal,
        when: When::JournalOnS3,
        why: "Entries, evidence and operators' wishes: nothing is done that is not written down before.",
    },
    Grant {
        sid: "AnswerJobs",
        duties: &[Stage, Switch, Terminate],
        actions: &["codepipeline:PutJobFailureResult", "codepipeline:PutJobSuccessResult"],
        on: On::Everything,
        when: When::InPipeline,
        why: "What has become of the pipeline's job.",
    },
    Grant {
        sid: "SeeExecutions",
        duties: &[Stage, Switch, Terminate],
        actions: &["codepipeline:GetPipelineExecution"],
        on: On::Pipeline,
        when: When::InPipeline,
        why: "Whether the execution was stopped, which takes its release back.",
    },
];
