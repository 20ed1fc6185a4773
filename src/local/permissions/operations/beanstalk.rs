//! Elastic Beanstalk.

use super::super::asked::{Asked, Query, Target};

/// What a call needs. One that names an application in a condition key can be bound to it.
pub(super) fn asked(query: &Query<'_>) -> Vec<Asked> {
    let application = query.text("ApplicationName");
    let in_application = |asked: Asked, application: Option<&str>| {
        asked.with_some(
            "elasticbeanstalk:InApplication",
            application.map(|name| query.of("application", name)),
        )
    };
    let one = |resource: String| vec![in_application(query.asked(resource), application)];
    match query.action {
        "CreateApplication" => {
            let asked = query.asked(query.of("application", application.unwrap_or("*")));
            making(query, in_application(asked, application))
        }
        "DeleteApplication" | "UpdateApplication" => one(query.of("application", application.unwrap_or("*"))),
        "DescribeApplications" => query.each("application", "", &query.texts("ApplicationNames")),
        "CreateApplicationVersion" => {
            let asked = query.asked(query.version(application, query.text("VersionLabel")));
            let mut all = making(query, in_application(asked, application));
            // A resource that is required beside the version (source: Service Authorization Reference).
            let its = query.asked(query.of("application", application.unwrap_or("*")));
            all.push(in_application(its, application));
            all.extend(foreign_bundle(query));
            all
        }
        "DeleteApplicationVersion" | "UpdateApplicationVersion" => {
            one(query.version(application, query.text("VersionLabel")))
        }
        "DescribeApplicationVersions" => {
            let folder = format!("{}/", application.unwrap_or("*"));
            let all = query.each("applicationversion", &folder, &query.texts("VersionLabels"));
            all.into_iter()
                .map(|asked| in_application(asked, application))
                .collect()
        }
        "CreateConfigurationTemplate" => {
            let template = query.text("TemplateName").unwrap_or("*");
            let asked = query.asked(query.of("configurationtemplate", &folder(application, template)));
            let environment = query.environment(query.text("EnvironmentId"), query.text("EnvironmentName"));
            let from = environment.map(|(its, name)| query.of("environment", &folder(Some(&its), &name)));
            let asked = asked
                .with_some("elasticbeanstalk:FromEnvironment", from)
                .with_some("elasticbeanstalk:FromConfigurationTemplate", query.source_template())
                .with_some("elasticbeanstalk:FromPlatform", query.text("PlatformArn"))
                .with_some("elasticbeanstalk:FromSolutionStack", query.stack());
            making(query, in_application(asked, application))
        }
        "DeleteConfigurationTemplate" => {
            let template = query.text("TemplateName").unwrap_or("*");
            one(query.of("configurationtemplate", &folder(application, template)))
        }
        "CreateEnvironment" => {
            let name = query.text("EnvironmentName").unwrap_or("*");
            let template = query.text("TemplateName");
            let asked = query
                .asked(query.of("environment", &folder(application, name)))
                .with_some(
                    "elasticbeanstalk:FromApplicationVersion",
                    query
                        .text("VersionLabel")
                        .map(|label| query.version(application, Some(label))),
                )
                .with_some(
                    "elasticbeanstalk:FromConfigurationTemplate",
                    template.map(|name| query.of("configurationtemplate", &folder(application, name))),
                )
                .with_some("elasticbeanstalk:FromPlatform", query.text("PlatformArn"))
                .with_some("elasticbeanstalk:FromSolutionStack", query.stack());
            making(query, in_application(asked, application))
        }
        "DescribeEnvironments" => {
            let (ids, names) = (query.texts("EnvironmentIds"), query.texts("EnvironmentNames"));
            if ids.is_empty() && names.is_empty() {
                return one(query.of("environment", &folder(application, "*")));
            }
            let ids = ids.into_iter().map(|id| query.on_environment(Some(id), None));
            let names = names.into_iter().map(|name| query.on_environment(None, Some(name)));
            ids.chain(names).collect()
        }
        "DescribeEvents" => match (query.text("EnvironmentId"), query.text("EnvironmentName")) {
            (None, None) => {
                let resource = match (query.text("VersionLabel"), query.text("TemplateName")) {
                    (Some(label), _) => query.version(application, Some(label)),
                    (None, Some(name)) => query.of("configurationtemplate", &folder(application, name)),
                    (None, None) => query.of("application", application.unwrap_or("*")),
                };
                one(resource)
            }
            (id, name) => vec![query.on_environment(id, name)],
        },
        "DescribeConfigurationOptions" | "DescribeConfigurationSettings" | "ValidateConfigurationSettings" => {
            match (query.text("TemplateName"), query.text("EnvironmentName"), query.stack()) {
                (Some(name), _, _) => one(query.of("configurationtemplate", &folder(application, name))),
                (None, Some(name), _) => vec![query.on_environment(None, Some(name))],
                (None, None, Some(stack)) => one(stack),
                (None, None, None) => one("*".to_owned()),
            }
        }
        "SwapEnvironmentCNAMEs" => [
            ("SourceEnvironmentId", "SourceEnvironmentName"),
            ("DestinationEnvironmentId", "DestinationEnvironmentName"),
        ]
        .map(|(id, name)| query.on_environment(query.text(id), query.text(name)))
        .to_vec(),
        "AbortEnvironmentUpdate"
        | "DeleteEnvironmentConfiguration"
        | "DescribeEnvironmentHealth"
        | "DescribeEnvironmentManagedActionHistory"
        | "DescribeEnvironmentManagedActions"
        | "DescribeEnvironmentResources"
        | "DescribeInstancesHealth"
        | "RequestEnvironmentInfo"
        | "RetrieveEnvironmentInfo"
        | "TerminateEnvironment" => {
            vec![query.on_environment(query.text("EnvironmentId"), query.text("EnvironmentName"))]
        }
        "UpdateEnvironment" => {
            let (id, name) = (query.text("EnvironmentId"), query.text("EnvironmentName"));
            // Clients leave the application out: it is that of the environment.
            let its = query.environment(id, name).map(|(its, _)| its);
            let its = its.as_deref().or(application);
            let version = query.text("VersionLabel");
            let template = query.text("TemplateName");
            let asked = query
                .on_environment(id, name)
                .with_some(
                    "elasticbeanstalk:FromApplicationVersion",
                    version.map(|label| query.version(its, Some(label))),
                )
                .with_some(
                    "elasticbeanstalk:FromConfigurationTemplate",
                    template.map(|name| query.of("configurationtemplate", &folder(its, name))),
                )
                .with_some("elasticbeanstalk:FromPlatform", query.text("PlatformArn"))
                .with_some("elasticbeanstalk:FromSolutionStack", query.stack());
            vec![asked]
        }
        "ListTagsForResource" => one(query.text("ResourceArn").unwrap_or("*").to_owned()),
        "UpdateTagsForResource" => {
            let resource = query.text("ResourceArn").unwrap_or("*");
            let added = !query.parameters.list("TagsToAdd").is_empty();
            let removed = !query.texts("TagsToRemove").is_empty();
            // Two actions that are no operations ("Tagging Elastic Beanstalk application resources", Developer Guide).
            let mut all = Vec::new();
            if added || !removed {
                let asked = Asked::of("elasticbeanstalk:AddTags", resource);
                all.push(asked.with_tags(query.tags("TagsToAdd")));
            }
            if removed {
                all.push(Asked::of("elasticbeanstalk:RemoveTags", resource));
            }
            all
        }
        "DescribePlatformVersion" => one(query.text("PlatformArn").unwrap_or("*").to_owned()),
        // For these IAM knows no resource, or they list what belongs to AWS.
        _ => one("*".to_owned()),
    }
}

/// `application/name`, as ARNs have it.
fn folder(application: Option<&str>, name: &str) -> String {
    format!("{}/{name}", application.unwrap_or("*"))
}

/// A call that makes something, and what it needs besides for the tags that it sets on it.
fn making(query: &Query<'_>, asked: Asked) -> Vec<Asked> {
    let asked = asked.with_tags(query.tags("Tags"));
    let tagging = asked.tagging("elasticbeanstalk:AddTags");
    std::iter::once(asked).chain(tagging).collect()
}

/// From a bucket that is not its own, Elastic Beanstalk reads a bundle with the caller's permission (`CreateApplicationVersion`).
fn foreign_bundle(query: &Query<'_>) -> Option<Asked> {
    let bundle = query.parameters.structure("SourceBundle")?;
    let (bucket, key) = (bundle.text("S3Bucket")?, bundle.text("S3Key")?);
    let own = format!("elasticbeanstalk-{}-{}", query.place.region, query.place.account);
    (bucket != own).then(|| Asked::of("s3:GetObject", format!("arn:aws:s3:::{bucket}/{key}")))
}

impl Query<'_> {
    fn of(&self, kind: &str, name: &str) -> String {
        self.place.arn("elasticbeanstalk", &format!("{kind}/{name}"))
    }

    fn version(&self, application: Option<&str>, label: Option<&str>) -> String {
        self.of("applicationversion", &folder(application, label.unwrap_or("*")))
    }

    /// Solution stacks belong to AWS, so that their ARNs name no account.
    fn stack(&self) -> Option<String> {
        let name = self.text("SolutionStackName")?;
        Some(format!(
            "arn:aws:elasticbeanstalk:{}::solutionstack/{name}",
            self.place.region
        ))
    }

    /// The template that another one is made from.
    fn source_template(&self) -> Option<String> {
        let source = self.parameters.structure("SourceConfiguration")?;
        let name = source.text("TemplateName")?;
        Some(self.of("configurationtemplate", &folder(source.text("ApplicationName"), name)))
    }

    fn asked(&self, resource: String) -> Asked {
        Asked::of(format!("elasticbeanstalk:{}", self.action), resource)
    }

    /// All of these names, or everything below the folder if there are none.
    fn each(&self, kind: &str, folder: &str, names: &[&str]) -> Vec<Asked> {
        let names = if names.is_empty() { &["*"] } else { names };
        let of = |name: &&str| self.asked(self.of(kind, &format!("{folder}{name}")));
        names.iter().map(of).collect()
    }

    fn environment(&self, id: Option<&str>, name: Option<&str>) -> Option<(String, String)> {
        self.inventory.environment(id, name)
    }

    /// The action on an environment.
    fn on_environment(&self, id: Option<&str>, name: Option<&str>) -> Asked {
        match self.environment(id, name) {
            Some((application, name)) => {
                let in_application = self.of("application", &application);
                self.asked(self.of("environment", &folder(Some(&application), &name)))
                    .with("elasticbeanstalk:InApplication", in_application)
            }
            None => Asked {
                target: Target::Nothing,
                ..self.asked(String::new())
            },
        }
    }
}
