//! What only file systems of Unix have: links, modes, names with any letters.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;

use super::*;

#[test]
fn links_stay_links_inside_and_are_refused_outside() {
    let folder = folder_of(&[
        PROCFILE,
        ("real/a", "1"),
        ("ignored", ""),
        (".gitignore", "ignored-*\n"),
    ]);
    let at = |name: &str| folder.path().join(name);
    symlink("real", at("folder-link")).unwrap();
    symlink("/nowhere", at("ignored-link")).unwrap();
    let (_, content, _out) = zipped(folder.path());
    assert_eq!(content["folder-link"], "real");
    assert!(!content.contains_key("folder-link/a"), "{content:?}");

    symlink("/etc/hostname", at("z-out")).unwrap();
    symlink("..", at("a-out")).unwrap();
    symlink("gone", at("broken")).unwrap();
    fs::create_dir(at(".ebextensions")).unwrap();
    symlink("..", at(".ebextensions/loop")).unwrap();
    symlink("../ignored-file", at("real/left-out")).unwrap();
    symlink("../empty", at("real/hollow")).unwrap();
    fs::write(at("ignored-file"), "").unwrap();
    fs::create_dir(at("empty")).unwrap();
    let _socket = UnixListener::bind(at("socket")).unwrap();
    assert_eq!(
        folder_problems(folder.path()),
        [
            BundleProblem::LinksOut {
                links: names(&["a-out", "z-out"])
            },
            BundleProblem::LinksToLeftOut {
                links: names(&["real/hollow", "real/left-out"])
            },
            BundleProblem::BrokenLinks {
                links: names(&["broken"])
            },
            BundleProblem::LinkLoops {
                links: names(&[".ebextensions/loop"])
            },
            BundleProblem::SpecialFiles {
                entries: names(&["socket"])
            },
        ]
    );
}

/// A tree as pnpm makes it: what is required is looked for from where a link ends.
#[test]
fn a_tree_that_is_held_together_by_links_comes_out_as_it_was() {
    let tree = |absolute: bool| {
        let folder = folder_of(&[PROCFILE, ("node_modules/.pnpm/a@1/node_modules/a/cli.js", "1")]);
        let at = |name: &str| folder.path().join("node_modules").join(name);
        fs::create_dir(at(".bin")).unwrap();
        symlink("../a/cli.js", at(".bin/a")).unwrap();
        symlink("..", at(".pnpm/a@1/node_modules/up")).unwrap();
        let package = ".pnpm/a@1/node_modules/a";
        if absolute {
            symlink(at(package), at("a")).unwrap();
        } else {
            symlink(package, at("a")).unwrap();
        }
        folder
    };
    let folder = tree(false);
    let (summary, content, _out) = zipped(folder.path());
    let links = [
        ("node_modules/a", ".pnpm/a@1/node_modules/a"),
        ("node_modules/.bin/a", "../.pnpm/a@1/node_modules/a/cli.js"),
        ("node_modules/.pnpm/a@1/node_modules/up", ".."),
    ];
    for (link, target) in links {
        assert_eq!(content[link], target, "{link}");
    }
    assert_eq!((summary.files, content.len()), (5, 5), "{content:?}");
    let mut archive = ZipArchive::new(fs::File::open(&summary.path).unwrap()).unwrap();
    let entry = archive.by_name(links[0].0).unwrap();
    assert!(entry.is_symlink() && entry.unix_mode() == Some(0o120_777));
    assert_eq!(inspect(&summary.path).unwrap().files, 5);

    // The same tree elsewhere is the same bundle, even if its links name the place; another target is another bundle.
    let elsewhere = tree(true);
    assert_eq!(zipped(elsewhere.path()).0.sha256, summary.sha256);
    let link = elsewhere.path().join("node_modules/.pnpm/a@1/node_modules/up");
    fs::remove_file(&link).unwrap();
    symlink("../..", &link).unwrap();
    assert_ne!(zipped(elsewhere.path()).0.sha256, summary.sha256);
}

#[test]
fn what_the_service_reads_without_unpacking_is_no_link() {
    let folder = folder_of(&[
        ("deploy/Procfile", PROCFILE.1),
        ("deploy/extensions/01.config", "a"),
        ("deploy/02.config", "b"),
    ]);
    let at = |name: &str| folder.path().join(name);
    symlink("deploy/Procfile", at("Procfile")).unwrap();
    symlink("deploy/extensions", at(".ebextensions")).unwrap();
    symlink("../02.config", at("deploy/extensions/02.config")).unwrap();
    let (summary, content, _out) = zipped(folder.path());
    assert_eq!(content["Procfile"], PROCFILE.1);
    assert_eq!(content[".ebextensions/01.config"], "a");
    assert_eq!(content[".ebextensions/02.config"], "b");
    assert_eq!(content["deploy/extensions/02.config"], "../02.config");
    assert!(inspect(&summary.path).unwrap().procfile);
}

#[test]
fn only_the_right_to_run_is_kept_of_a_mode() {
    let modes = |script: u32, text: u32| {
        let folder = folder_of(&[PROCFILE, ("run", "#!/bin/sh\n")]);
        let set = |name: &str, mode| {
            fs::set_permissions(folder.path().join(name), fs::Permissions::from_mode(mode)).unwrap();
        };
        set("run", script);
        set("Procfile", text);
        let (summary, _, out) = zipped(folder.path());
        let mut archive = ZipArchive::new(fs::File::open(&summary.path).unwrap()).unwrap();
        let mode = |archive: &mut ZipArchive<fs::File>, name| archive.by_name(name).unwrap().unix_mode();
        let modes = (mode(&mut archive, "run"), mode(&mut archive, "Procfile"));
        drop(out);
        (modes, summary.sha256)
    };
    let usual = modes(0o755, 0o644);
    assert_eq!(usual.0, (Some(0o100_755), Some(0o100_644)));
    assert_eq!(modes(0o700, 0o600), usual);
    assert_eq!(modes(0o4775, 0o664), usual);
    assert_ne!(modes(0o644, 0o644).1, usual.1);
}

#[test]
fn names_that_no_bundle_can_hold_are_refused() {
    let folder = folder_of(&[PROCFILE, ("a\\b", ""), ("c\nd", "")]);
    assert_eq!(
        folder_problems(folder.path()),
        [BundleProblem::UnusableNames {
            entries: names(&["a\\b", "c\nd"])
        }]
    );
}
