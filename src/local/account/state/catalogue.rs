//! The options that environments have: names, defaults, values, and what changing them does.
//!
//! Facts from the service's developer guide ("General options for all environments"). Defaults are those that the API
//! gives to an Amazon Linux 2023 platform; `None` stands for options that are unset unless somebody sets them.

use super::options::Change::{self, NoInterruption as N, RestartApplicationServer as S, RestartEnvironment as E};
use super::options::Value::{self, Boolean, Choice, Number, Path, Text};

/// Options of one namespace. A name that ends in `:*` stands for all namespaces that begin so.
pub(super) type Namespace = (&'static str, &'static [Entry]);

/// Name, default, values, and what a change does.
pub(super) type Entry = (&'static str, Option<&'static str>, Value, Change);

const PROCESS: &[Entry] = &[
    ("DeregistrationDelay", Some("20"), Number(0, 3600), N),
    ("HealthCheckInterval", Some("15"), Number(5, 300), N),
    ("HealthCheckPath", Some("/"), Path, N),
    ("HealthCheckTimeout", Some("5"), Number(1, 60), N),
    ("HealthyThresholdCount", Some("3"), Number(2, 10), N),
    ("MatcherHTTPCode", Some("200"), Text, N),
    ("Port", Some("80"), Number(1, 65535), N),
    ("Protocol", Some("HTTP"), Choice(&["HTTP", "HTTPS", "TCP"]), N),
    ("StickinessEnabled", Some("false"), Boolean, N),
    ("StickinessLBCookieDuration", Some("86400"), Number(1, 604800), N),
    ("StickinessType", Some("lb_cookie"), Text, N),
    ("UnhealthyThresholdCount", Some("5"), Number(2, 10), N),
];

const LISTENER: &[Entry] = &[
    ("DefaultProcess", Some("default"), Text, N),
    ("ListenerEnabled", Some("true"), Boolean, N),
    ("Protocol", Some("HTTP"), Choice(&["HTTP", "HTTPS", "TCP"]), N),
    ("Rules", None, Text, N),
    ("SSLCertificateArns", None, Text, N),
    ("SSLPolicy", None, Text, N),
];

const CLASSIC_LISTENER: &[Entry] = &[
    (
        "ListenerProtocol",
        Some("HTTP"),
        Choice(&["HTTP", "HTTPS", "TCP", "SSL"]),
        N,
    ),
    ("InstancePort", Some("80"), Number(1, 65535), N),
    (
        "InstanceProtocol",
        Some("HTTP"),
        Choice(&["HTTP", "HTTPS", "TCP", "SSL"]),
        N,
    ),
    ("PolicyNames", None, Text, N),
    ("SSLCertificateId", None, Text, N),
    ("ListenerEnabled", Some("true"), Boolean, N),
];

const CLASSIC_POLICY: &[Entry] = &[
    ("CookieName", None, Text, N),
    ("InstancePorts", None, Text, N),
    ("LoadBalancerPorts", None, Text, N),
    ("ProxyProtocol", None, Boolean, N),
    ("PublicKey", None, Text, N),
    ("PublicKeyPolicyNames", None, Text, N),
    ("SSLProtocols", None, Text, N),
    ("SSLReferencePolicy", None, Text, N),
    ("Stickiness Cookie Expiration", Some("0"), Number(0, 1000000), N),
    ("Stickiness Policy", None, Text, N),
];

/// All of them, by namespace.
pub(super) const CATALOGUE: &[Namespace] = &[
    (
        "aws:autoscaling:asg",
        &[
            ("Availability Zones", Some("Any"), Text, N),
            ("Cooldown", Some("360"), Number(0, 10000), N),
            ("Custom Availability Zones", None, Text, N),
            ("EnableCapacityRebalancing", Some("false"), Boolean, N),
            ("MaxSize", Some("4"), Number(1, 10000), N),
            ("MinSize", Some("1"), Number(1, 10000), N),
        ],
    ),
    (
        "aws:autoscaling:launchconfiguration",
        &[
            ("BlockDeviceMappings", None, Text, E),
            ("DisableDefaultEC2SecurityGroup", Some("false"), Boolean, E),
            ("DisableIMDSv1", Some("true"), Boolean, E),
            ("EC2KeyName", None, Text, E),
            ("IamInstanceProfile", None, Text, E),
            ("ImageId", None, Text, E),
            ("InstanceType", Some("t3.micro"), Text, E),
            ("LaunchTemplateTagPropagationEnabled", Some("false"), Boolean, E),
            (
                "MonitoringInterval",
                Some("5 minute"),
                Choice(&["1 minute", "5 minute"]),
                N,
            ),
            ("RootVolumeIOPS", None, Number(100, 20000), E),
            ("RootVolumeSize", None, Number(8, 16384), E),
            ("RootVolumeThroughput", None, Number(125, 1000), E),
            ("RootVolumeType", None, Choice(&["standard", "gp2", "gp3", "io1"]), E),
            ("SSHSourceRestriction", Some("tcp,22,22,0.0.0.0/0"), Text, E),
            ("SecurityGroups", None, Text, E),
        ],
    ),
    (
        "aws:autoscaling:scheduledaction",
        &[
            ("DesiredCapacity", None, Number(0, 10000), N),
            ("EndTime", None, Text, N),
            ("MaxSize", None, Number(0, 10000), N),
            ("MinSize", None, Number(0, 10000), N),
            ("Recurrence", None, Text, N),
            ("StartTime", None, Text, N),
            ("Suspend", Some("false"), Boolean, N),
        ],
    ),
    (
        "aws:autoscaling:trigger",
        &[
            ("BreachDuration", Some("5"), Number(1, 600), N),
            ("EvaluationPeriods", Some("1"), Number(1, 600), N),
            ("LowerBreachScaleIncrement", Some("-1"), Text, N),
            ("LowerThreshold", Some("2000000"), Text, N),
            ("MeasureName", Some("NetworkOut"), Text, N),
            ("Period", Some("5"), Number(1, 600), N),
            (
                "Statistic",
                Some("Average"),
                Choice(&["Minimum", "Maximum", "Sum", "Average"]),
                N,
            ),
            ("Unit", Some("Bytes"), Text, N),
            ("UpperBreachScaleIncrement", Some("1"), Text, N),
            ("UpperThreshold", Some("6000000"), Text, N),
        ],
    ),
    (
        "aws:autoscaling:updatepolicy:rollingupdate",
        &[
            ("MaxBatchSize", None, Number(1, 10000), N),
            ("MinInstancesInService", None, Number(0, 9999), N),
            ("PauseTime", None, Text, N),
            ("RollingUpdateEnabled", Some("false"), Boolean, N),
            (
                "RollingUpdateType",
                Some("Time"),
                Choice(&["Time", "Health", "Immutable"]),
                N,
            ),
            ("Timeout", Some("PT30M"), Text, N),
        ],
    ),
    (
        "aws:cloudformation:template:parameter",
        &[
            ("AppSource", None, Text, N),
            ("EnvironmentVariables", None, Text, S),
            ("HooksPkgUrl", None, Text, N),
            ("InstancePort", Some("80"), Number(1, 65535), E),
            ("InstanceTypeFamily", Some("t3"), Text, E),
        ],
    ),
    (
        "aws:ec2:instances",
        &[
            ("EnableSpot", Some("false"), Boolean, E),
            ("InstanceTypes", None, Text, E),
            ("SpotAllocationStrategy", Some("capacity-optimized"), Text, E),
            ("SpotFleetOnDemandAboveBasePercentage", Some("70"), Number(0, 100), E),
            ("SpotFleetOnDemandBase", Some("0"), Number(0, 10000), E),
            ("SpotMaxPrice", None, Text, E),
            ("SupportedArchitectures", Some("x86_64"), Text, E),
        ],
    ),
    (
        "aws:ec2:vpc",
        &[
            ("AssociatePublicIpAddress", None, Boolean, E),
            ("DBSubnets", None, Text, E),
            ("ELBScheme", Some("public"), Choice(&["public", "internal"]), E),
            ("ELBSubnets", None, Text, E),
            ("Subnets", None, Text, E),
            ("VPCId", None, Text, E),
        ],
    ),
    (
        "aws:elasticbeanstalk:application",
        &[("Application Healthcheck URL", None, Text, N)],
    ),
    (
        "aws:elasticbeanstalk:cloudwatch:logs",
        &[
            ("DeleteOnTerminate", Some("false"), Boolean, N),
            ("RetentionInDays", Some("7"), Number(1, 3653), N),
            ("StreamLogs", Some("false"), Boolean, N),
        ],
    ),
    (
        "aws:elasticbeanstalk:cloudwatch:logs:health",
        &[
            ("DeleteOnTerminate", Some("false"), Boolean, N),
            ("HealthStreamingEnabled", Some("false"), Boolean, N),
            ("RetentionInDays", Some("7"), Number(1, 3653), N),
        ],
    ),
    (
        "aws:elasticbeanstalk:command",
        &[
            ("BatchSize", Some("100"), Number(1, 10000), N),
            ("BatchSizeType", Some("Percentage"), Choice(&["Percentage", "Fixed"]), N),
            (
                "DeploymentPolicy",
                Some("AllAtOnce"),
                Choice(&[
                    "AllAtOnce",
                    "Rolling",
                    "RollingWithAdditionalBatch",
                    "Immutable",
                    "TrafficSplitting",
                ]),
                N,
            ),
            ("IgnoreHealthCheck", Some("false"), Boolean, N),
            ("Timeout", Some("600"), Number(1, 3600), N),
        ],
    ),
    (
        "aws:elasticbeanstalk:control",
        &[
            ("DefaultSSHPort", Some("22"), Number(1, 65535), N),
            ("LaunchTimeout", Some("0"), Number(0, 3600), N),
            ("LaunchType", Some("Migration"), Text, N),
            ("RollbackLaunchOnFailure", Some("false"), Boolean, N),
        ],
    ),
    (
        "aws:elasticbeanstalk:environment",
        &[
            (
                "EnvironmentType",
                Some("LoadBalanced"),
                Choice(&["SingleInstance", "LoadBalanced"]),
                E,
            ),
            ("ExternalExtensionsS3Bucket", None, Text, N),
            ("ExternalExtensionsS3Key", None, Text, N),
            ("LoadBalancerIsShared", Some("false"), Boolean, E),
            (
                "LoadBalancerType",
                Some("classic"),
                Choice(&["classic", "application", "network"]),
                E,
            ),
            ("ServiceRole", None, Text, N),
        ],
    ),
    ("aws:elasticbeanstalk:environment:process:default", PROCESS),
    ("aws:elasticbeanstalk:environment:process:*", PROCESS),
    (
        "aws:elasticbeanstalk:environment:proxy",
        &[("ProxyServer", Some("nginx"), Choice(&["nginx", "apache", "none"]), S)],
    ),
    (
        "aws:elasticbeanstalk:healthreporting:system",
        &[
            ("ConfigDocument", None, Text, N),
            ("EnhancedHealthAuthEnabled", Some("true"), Boolean, N),
            (
                "HealthCheckSuccessThreshold",
                Some("Ok"),
                Choice(&["Ok", "Warning", "Degraded", "Severe"]),
                N,
            ),
            ("SystemType", Some("enhanced"), Choice(&["basic", "enhanced"]), N),
        ],
    ),
    (
        "aws:elasticbeanstalk:hostmanager",
        &[("LogPublicationControl", Some("false"), Boolean, N)],
    ),
    (
        "aws:elasticbeanstalk:managedactions",
        &[
            ("ManagedActionsEnabled", Some("false"), Boolean, N),
            ("PreferredStartTime", None, Text, N),
            ("ServiceRoleForManagedUpdates", None, Text, N),
        ],
    ),
    (
        "aws:elasticbeanstalk:managedactions:platformupdate",
        &[
            ("InstanceRefreshEnabled", Some("false"), Boolean, N),
            ("UpdateLevel", None, Choice(&["patch", "minor"]), N),
        ],
    ),
    (
        "aws:elasticbeanstalk:monitoring",
        &[("Automatically Terminate Unhealthy Instances", Some("true"), Boolean, N)],
    ),
    (
        "aws:elasticbeanstalk:sns:topics",
        &[
            ("Notification Endpoint", None, Text, N),
            ("Notification Protocol", Some("email"), Text, N),
            ("Notification Topic ARN", None, Text, N),
            ("Notification Topic Name", None, Text, N),
        ],
    ),
    (
        "aws:elasticbeanstalk:trafficsplitting",
        &[
            ("EvaluationTime", Some("5"), Number(3, 600), N),
            ("NewVersionPercent", Some("10"), Number(1, 100), N),
        ],
    ),
    (
        "aws:elasticbeanstalk:xray",
        &[("XRayEnabled", Some("false"), Boolean, N)],
    ),
    (
        "aws:elb:healthcheck",
        &[
            ("HealthyThreshold", Some("3"), Number(2, 10), N),
            ("Interval", Some("10"), Number(5, 300), N),
            ("Target", Some("TCP:80"), Text, N),
            ("Timeout", Some("5"), Number(2, 60), N),
            ("UnhealthyThreshold", Some("5"), Number(2, 10), N),
        ],
    ),
    ("aws:elb:listener", CLASSIC_LISTENER),
    ("aws:elb:listener:*", CLASSIC_LISTENER),
    (
        "aws:elb:loadbalancer",
        &[
            ("CrossZone", Some("false"), Boolean, N),
            ("LoadBalancerHTTPPort", Some("80"), Text, N),
            ("LoadBalancerHTTPSPort", Some("OFF"), Text, N),
            ("LoadBalancerPortProtocol", Some("HTTP"), Text, N),
            ("LoadBalancerSSLPortProtocol", Some("HTTPS"), Text, N),
            ("ManagedSecurityGroup", None, Text, N),
            ("SSLCertificateId", None, Text, N),
            ("SecurityGroups", None, Text, N),
        ],
    ),
    (
        "aws:elb:policies",
        &[
            ("ConnectionDrainingEnabled", Some("false"), Boolean, N),
            ("ConnectionDrainingTimeout", Some("20"), Number(1, 3600), N),
            ("ConnectionSettingIdleTimeout", Some("60"), Number(1, 3600), N),
            ("LoadBalancerPorts", Some(":all"), Text, N),
            ("Stickiness Cookie Expiration", Some("0"), Number(0, 1000000), N),
            ("Stickiness Policy", Some("false"), Boolean, N),
        ],
    ),
    ("aws:elb:policies:*", CLASSIC_POLICY),
    ("aws:elbv2:listener:default", LISTENER),
    ("aws:elbv2:listener:*", LISTENER),
    (
        "aws:elbv2:listenerrule:*",
        &[
            ("HostHeaders", None, Text, N),
            ("PathPatterns", None, Text, N),
            ("Priority", Some("1"), Number(1, 1000), N),
            ("Process", Some("default"), Text, N),
        ],
    ),
    (
        "aws:elbv2:loadbalancer",
        &[
            ("AccessLogsS3Bucket", None, Text, N),
            ("AccessLogsS3Enabled", Some("false"), Boolean, N),
            ("AccessLogsS3Prefix", None, Text, N),
            ("IdleTimeout", None, Number(1, 3600), N),
            ("IpAddressType", Some("ipv4"), Text, N),
            ("ManagedSecurityGroup", None, Text, N),
            ("SecurityGroups", None, Text, N),
            ("SharedLoadBalancer", None, Text, N),
        ],
    ),
    (
        "aws:rds:dbinstance",
        &[
            ("DBAllocatedStorage", None, Number(5, 65536), E),
            (
                "DBDeletionPolicy",
                Some("Delete"),
                Choice(&["Delete", "Retain", "Snapshot"]),
                N,
            ),
            ("DBEngine", None, Text, E),
            ("DBEngineVersion", None, Text, E),
            ("DBInstanceClass", None, Text, E),
            ("DBPassword", None, Text, E),
            ("DBSnapshotIdentifier", None, Text, E),
            ("DBUser", Some("ebroot"), Text, E),
            ("HasCoupledDatabase", Some("false"), Boolean, E),
            ("MultiAZDatabase", Some("false"), Boolean, E),
        ],
    ),
];
