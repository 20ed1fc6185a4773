//! Node.js: `npm install`, unless the bundle brings its packages.

use std::path::Path;

use serde_json::Value;

use super::cache::Place;
use super::tools;
use super::{Built, Ended, Workshop};
use crate::local::live::install::Refused;

const PACKAGE: &str = "package.json";
const MODULES: &str = "node_modules";
/// Files that decide what `npm install` installs.
const LISTS: [&str; 4] = [PACKAGE, "package-lock.json", "npm-shrinkwrap.json", ".npmrc"];
/// The event of AWS's platform.
const EVENT: &str = "Instance deployment: 'npm' failed to install dependencies that you defined in 'package.json'. For details, see 'eb-engine.log'. \
     The deployment failed.";

/// Installs what `package.json` asks for.
pub(super) async fn build(workshop: &Workshop<'_>, version: &str) -> Result<Built, Refused> {
    let missing = |what: &str| {
        Refused::from(format!(
            "the platform is Node.js {version}, and this machine has no {what}: install Node.js where the cloud finds node and npm on its \
             PATH"
        ))
    };
    let Some(node) = tools::node().await else {
        return Err(missing("node"));
    };
    if node.version.split('.').next() != Some(version) {
        workshop.note(&format!(
            "There is Node.js {} on this machine; it stands in for version {version}.",
            node.version
        ));
    }
    let folder = &workshop.site.folder;
    if !workshop.has(PACKAGE) {
        return Ok(Built::default());
    }
    if folder.join(MODULES).is_dir() {
        workshop.note("The bundle has a folder node_modules; nothing is installed.");
        return Ok(Built::default());
    }
    if !tools::has_npm().await {
        return Err(missing("npm"));
    }
    let package = std::fs::read(folder.join(PACKAGE)).map_err(|error| format!("{PACKAGE} cannot be read: {error}"))?;
    let package: Value = serde_json::from_slice(&package).map_err(|error| Refused {
        why: format!("{PACKAGE} is not JSON: {error}"),
        event: Some(EVENT.to_owned()),
    })?;
    let development = workshop
        .properties
        .get("NPM_USE_PRODUCTION")
        .is_some_and(|value| value == "false");
    if needs_the_bundle(&package) {
        install(workshop, folder, development).await?;
    } else {
        let place = place(workshop, &node.version, development).await?;
        if place.is_whole {
            workshop.note("The same packages are installed already.");
        } else {
            for list in LISTS.iter().filter(|list| workshop.has(list)) {
                std::fs::copy(folder.join(list), place.path(list)).map_err(|error| unwritable(&error))?;
            }
            install(workshop, &place.folder, development).await?;
            place.finish().await.map_err(|error| unwritable(&error))?;
        }
        let modules = place.path(MODULES);
        // A package without dependencies has no such folder.
        if modules.is_dir() {
            std::os::unix::fs::symlink(modules, folder.join(MODULES)).map_err(|error| unwritable(&error))?;
        }
    }
    Ok(Built::default())
}

async fn place(workshop: &Workshop<'_>, version: &str, development: bool) -> Result<Place, Refused> {
    let mut parts = vec![version.as_bytes().to_vec(), vec![u8::from(development)]];
    // A file that is not there counts as an empty one.
    parts.extend(
        LISTS
            .iter()
            .map(|list| std::fs::read(workshop.site.folder.join(list)).unwrap_or_default()),
    );
    let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
    workshop
        .tools
        .cache
        .place("node", &parts)
        .await
        .map_err(|error| unwritable(&error))
}

fn unwritable(error: &std::io::Error) -> Refused {
    format!("packages cannot be put in place: {error}").into()
}

/// Whether installing runs scripts of the package itself, or leads to files of the bundle.
fn needs_the_bundle(package: &Value) -> bool {
    let scripts = [
        "preinstall",
        "install",
        "postinstall",
        "prepare",
        "prepublish",
        "dependencies",
    ];
    let has_script = |name: &&str| package.pointer(&format!("/scripts/{name}")).is_some();
    let lists = ["dependencies", "devDependencies", "optionalDependencies"];
    let is_local = |value: &Value| {
        let text = value.as_str().unwrap_or_default();
        let starts = ["file:", "link:", "workspace:", "./", "../", "/", "~/"];
        starts.iter().any(|start| text.starts_with(start))
    };
    let leads_to_files = |name: &&str| {
        let list = package.get(*name).and_then(Value::as_object);
        list.is_some_and(|list| list.values().any(is_local))
    };
    scripts.iter().any(has_script) || lists.iter().any(leads_to_files) || package.get("workspaces").is_some()
}

async fn install(workshop: &Workshop<'_>, folder: &Path, development: bool) -> Result<(), Refused> {
    let omit = if development { "" } else { " --omit=dev" };
    let command = format!("exec npm install{omit} --no-audit --no-fund --no-update-notifier");
    match workshop.run(&command, folder).await {
        Ended::Well => Ok(()),
        Ended::Badly(how) => Err(Refused {
            why: format!("`npm install` failed: {how}"),
            event: Some(EVENT.to_owned()),
        }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn packages_that_need_the_bundle_are_installed_in_it() {
        let plain = json!({"scripts": {"start": "node app.js"}, "dependencies": {"express": "^4", "ejs": "~3.1", "x": "latest"}});
        assert!(!needs_the_bundle(&plain));
        for package in [
            json!({"scripts": {"postinstall": "node build.js"}}),
            json!({"dependencies": {"mine": "file:../mine"}}),
            json!({"dependencies": {"mine": "./mine"}}),
            json!({"workspaces": ["a"]}),
        ] {
            assert!(needs_the_bundle(&package), "{package}");
        }
    }
}
