//! Bundles that are right, bundles that are wrong in every way, and bundles that are made.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Cursor, Read, Write};
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use tempfile::TempDir;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use super::*;

#[cfg(unix)]
mod unix;

const PROCFILE: (&str, &str) = ("Procfile", "web: ./run\n");

/// A zip of these files, stored as they are so that tests can change bytes in it.
fn zip_of(files: &[(&str, &str)]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::DEFAULT.compression_method(CompressionMethod::Stored);
    for (name, content) in files {
        writer.start_file(*name, stored).unwrap();
        writer.write_all(content.as_bytes()).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn inspect_bytes(bytes: &[u8]) -> Result<Bundle, Vec<BundleProblem>> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bundle.zip");
    fs::write(&path, bytes).unwrap();
    inspect(&path).map_err(|error| error.problems)
}

fn problems(files: &[(&str, &str)]) -> Vec<BundleProblem> {
    inspect_bytes(&zip_of(files)).err().unwrap_or_default()
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// Where the nth central header begins.
fn central_header(bytes: &[u8], number: usize) -> usize {
    let starts = bytes.windows(4).enumerate().filter(|(_, four)| four == b"PK\x01\x02");
    starts.map(|(at, _)| at).nth(number).unwrap()
}

fn replace(bytes: &mut [u8], from: &str, to: &str) {
    assert_eq!(from.len(), to.len());
    for at in 0..=bytes.len() - from.len() {
        if bytes[at..].starts_with(from.as_bytes()) {
            bytes[at..at + from.len()].copy_from_slice(to.as_bytes());
        }
    }
}

/// A folder with these files.
fn folder_of(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    folder
}

fn zipped(folder: &Path) -> (ZipSummary, BTreeMap<String, String>, TempDir) {
    let out = tempfile::tempdir().unwrap();
    let summary = zip_directory(folder, &out.path().join("out.zip"), &[]).unwrap();
    let content = contents(&summary.path);
    (summary, content, out)
}

fn contents(path: &PathBuf) -> BTreeMap<String, String> {
    let mut archive = ZipArchive::new(fs::File::open(path).unwrap()).unwrap();
    let amount = archive.len();
    let read = |index| {
        let mut entry = archive.by_index(index).unwrap();
        let mut text = String::new();
        entry.read_to_string(&mut text).unwrap();
        (entry.name().unwrap().into_owned(), text)
    };
    (0..amount).map(read).collect()
}

fn folder_problems(folder: &Path) -> Vec<BundleProblem> {
    let out = tempfile::tempdir().unwrap();
    let error = zip_directory(folder, &out.path().join("out.zip"), &[]).unwrap_err();
    assert_eq!(
        fs::read_dir(out.path()).unwrap().count(),
        0,
        "something was left behind"
    );
    error.problems
}

#[test]
fn a_good_bundle_is_described() {
    let bytes = zip_of(&[PROCFILE, ("lib/a.txt", "a")]);
    let bundle = inspect_bytes(&bytes).unwrap();
    assert_eq!(bundle.size, u64::try_from(bytes.len()).unwrap());
    assert_eq!((bundle.files, bundle.procfile), (2, true));
    assert_eq!(bundle.sha256, sha256(&mut bytes.as_slice()).unwrap());
    assert_eq!(
        sha256(&mut b"abc".as_slice()).unwrap(),
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    );
    let folder = folder_of(&[("abc", "abc")]);
    assert_eq!(
        digest(&folder.path().join("abc")).unwrap(),
        sha256(&mut b"abc".as_slice()).unwrap()
    );
    assert!(!inspect_bytes(&zip_of(&[("package.json", "{}")])).unwrap().procfile);
}

#[test]
fn what_is_no_zip_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let gone = inspect(&folder.path().join("gone.zip")).unwrap_err();
    assert_eq!(gone.problems, [BundleProblem::Missing]);
    assert!(
        gone.to_string()
            .contains("gone.zip` cannot be released: there is no such file")
    );
    let not_a_zip = |found| Err(vec![BundleProblem::NotAZip { found }]);
    assert_eq!(
        inspect(folder.path()).map_err(|error| error.problems),
        not_a_zip("a folder")
    );
    assert_eq!(inspect_bytes(b""), not_a_zip("an empty file"));
    assert_eq!(
        inspect_bytes(b"\x1f\x8b\x08\0rest"),
        not_a_zip("a gzip file (a `.tar.gz`?)")
    );
    let cut = &zip_of(&[PROCFILE])[..50];
    assert!(matches!(
        inspect_bytes(cut).unwrap_err().as_slice(),
        [BundleProblem::Damaged { .. }]
    ));
    assert_eq!(inspect_bytes(&zip_of(&[])), Err(vec![BundleProblem::NoFiles]));
}

#[test]
fn a_bundle_that_is_too_large_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bundle.zip");
    // A zip may have anything before it; a hole takes no room on the disk.
    let mut file = fs::File::create(&path).unwrap();
    file.set_len(LARGEST_BUNDLE + 1).unwrap();
    std::io::Seek::seek(&mut file, std::io::SeekFrom::End(0)).unwrap();
    file.write_all(&zip_of(&[PROCFILE])).unwrap();
    drop(file);
    let size = fs::metadata(&path).unwrap().len();
    let error = inspect(&path).unwrap_err();
    assert_eq!(error.problems, [BundleProblem::TooLarge { size }]);
    assert!(
        error
            .to_string()
            .contains("it has 501 MB, and Elastic Beanstalk takes 500 MB"),
        "{error}"
    );
}

#[test]
fn a_folder_around_everything_is_found() {
    let found = problems(&[
        ("shop-1.0/Procfile", "web: a"),
        ("shop-1.0/b/c", ""),
        ("__MACOSX/x", ""),
    ]);
    assert_eq!(
        found,
        [BundleProblem::ParentFolder {
            folder: "shop-1.0".to_owned()
        }]
    );
    assert!(found[0].to_string().contains("`cd shop-1.0 && zip -r ../bundle.zip .`"));
    // And what is wrong inside it.
    assert_eq!(
        problems(&[("shop/README", "")]),
        [
            BundleProblem::ParentFolder {
                folder: "shop".to_owned()
            },
            BundleProblem::NoEntryPoint { lookalike: None }
        ]
    );
    assert_eq!(problems(&[("WEB-INF/web.xml", ""), ("WEB-INF/lib/a.jar", "")]), []);
    assert_eq!(problems(&[("bin/application", "")]), []);
    assert_eq!(problems(&[("public/index.php", "")]), []);
    let whole = problems(&[("web/package.json", "{}"), ("web/index.html", "")]);
    assert!(
        matches!(whole.as_slice(), [BundleProblem::ParentFolder { .. }]),
        "{whole:?}"
    );
    assert_eq!(problems(&[("shop/a", ""), PROCFILE]), []);
}

#[test]
fn names_that_cannot_be_unpacked_are_found_all() {
    assert_eq!(
        problems(&[
            PROCFILE,
            ("../a", ""),
            ("/b", ""),
            ("C:/c", ""),
            ("d\\e", ""),
            ("f\ng", "")
        ]),
        [
            BundleProblem::Escapes {
                entries: names(&["../a", "/b", "C:/c"])
            },
            BundleProblem::Backslashes {
                entries: names(&["d\\e"])
            },
            BundleProblem::UnusableNames {
                entries: names(&["f\ng"])
            },
        ]
    );
}

#[test]
fn duplicates_and_clashes_are_found() {
    let mut bytes = zip_of(&[PROCFILE, ("a/one", "1"), ("a/two", "2")]);
    replace(&mut bytes, "a/two", "a/one");
    assert_eq!(
        inspect_bytes(&bytes),
        Err(vec![BundleProblem::Duplicates {
            entries: names(&["a/one"])
        }])
    );
    assert_eq!(
        problems(&[PROCFILE, ("a", ""), ("a/b", ""), ("a-b", "")]),
        [BundleProblem::Clashes { entries: names(&["a"]) }]
    );
}

#[test]
fn encrypted_and_strangely_compressed_files_are_found() {
    let mut bytes = zip_of(&[PROCFILE, ("secret", "1"), ("strange", "2")]);
    let (secret, strange) = (central_header(&bytes, 1), central_header(&bytes, 2));
    bytes[secret + 8] |= 1;
    bytes[strange + 10] = 9;
    assert_eq!(
        inspect_bytes(&bytes),
        Err(vec![
            BundleProblem::Encrypted {
                entries: names(&["secret"])
            },
            BundleProblem::UnknownCompression {
                entries: names(&["strange"])
            },
        ])
    );
}

#[test]
fn damaged_files_are_found() {
    let mut bytes = zip_of(&[PROCFILE, ("a", "before")]);
    replace(&mut bytes, "before", "behind");
    let damaged = Err(vec![BundleProblem::DamagedEntries { entries: names(&["a"]) }]);
    assert_eq!(inspect_bytes(&bytes), damaged);
}

#[test]
fn a_bomb_is_not_unpacked() {
    let mut bytes = zip_of(&[PROCFILE, ("a", "1")]);
    let header = central_header(&bytes, 1);
    bytes[header + 24..header + 28].copy_from_slice(&0xffff_0000_u32.to_le_bytes());
    let found = inspect_bytes(&bytes).unwrap_err();
    assert!(matches!(found.as_slice(), [BundleProblem::Bomb { unpacked, .. }] if *unpacked > 0xffff_0000));
}

#[test]
fn links_must_stay_inside() {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    writer.start_file(PROCFILE.0, SimpleFileOptions::DEFAULT).unwrap();
    writer.write_all(PROCFILE.1.as_bytes()).unwrap();
    for (link, target) in [
        ("in", "Procfile"),
        ("d/in", "../Procfile"),
        ("d/out", "../../a"),
        ("root", "/etc"),
    ] {
        writer.add_symlink(link, target, SimpleFileOptions::DEFAULT).unwrap();
    }
    let bytes = writer.finish().unwrap().into_inner();
    assert_eq!(
        inspect_bytes(&bytes),
        Err(vec![BundleProblem::LinksOut {
            links: names(&["d/out", "root"])
        }])
    );
}

#[test]
fn something_must_say_how_to_start() {
    assert_eq!(
        problems(&[("README.md", "")]),
        [BundleProblem::NoEntryPoint { lookalike: None }]
    );
    assert_eq!(
        problems(&[("procfile", "web: a"), ("lib/a", "")])[0].to_string(),
        "nothing at the top says how to start the application (`procfile` is not spelt as it must be); write a `Procfile` \
         with a line `web: <command>`"
    );
    assert_eq!(
        problems(&[("Procfile", "worker: a\n")])[0].to_string(),
        "the `Procfile` has no line `web: <command>`, so no process would answer requests (it has `worker`)"
    );
}

#[test]
fn many_names_are_counted_not_listed() {
    let problem = BundleProblem::Encrypted {
        entries: names(&["a", "b", "c\n", "d", "e"]),
    };
    assert_eq!(
        problem.to_string(),
        "files are encrypted: `a`, `b`, `c\\n` and 2 more; Elastic Beanstalk has no password, zip them without"
    );
    let error = BundleError {
        path: PathBuf::from("x.zip"),
        problems: vec![BundleProblem::NoFiles, BundleProblem::ProcfileLine { line: 3 }],
    };
    assert_eq!(
        error.to_string(),
        "`x.zip` cannot be released, it has 2 problems:\n  - the zip holds no files; zip the application's folder\n  - line 3 \
         of the `Procfile` is not `<process>: <command>`"
    );
}

#[test]
fn a_folder_becomes_a_bundle() {
    let folder = folder_of(&[
        PROCFILE,
        ("lib/a.txt", "a"),
        (".ebextensions/01.config", "b"),
        (".platform/hooks/x.sh", "c"),
        (".git/config", "no"),
        (".elasticbeanstalk/logs/x", "no"),
        (".cutover/journal/1", "no"),
        ("vendor/.git", "no"),
    ]);
    fs::create_dir(folder.path().join("empty")).unwrap();
    let (summary, content, _out) = zipped(folder.path());
    let found: Vec<&str> = content.keys().map(String::as_str).collect();
    assert_eq!(
        found,
        [
            ".ebextensions/01.config",
            ".platform/hooks/x.sh",
            "Procfile",
            "lib/a.txt"
        ]
    );
    assert_eq!(content["Procfile"], PROCFILE.1);
    let bundle = inspect(&summary.path).unwrap();
    assert_eq!((summary.files, summary.left_out), (4, 4));
    assert_eq!((summary.size, &summary.sha256), (bundle.size, &bundle.sha256));
}

/// The version label is made from these bytes: when they change with a library, every application looks new.
#[test]
fn the_bytes_of_a_bundle_are_the_same_on_every_machine() {
    let text: String = (0..5000).map(|n| format!("line {} of {n}\n", n % 7)).collect();
    let folder = folder_of(&[
        PROCFILE,
        ("lib/text", &text),
        (".ebextensions/01.config", "option_settings:\n"),
    ]);
    let (summary, _, _out) = zipped(folder.path());
    assert_eq!(
        summary.sha256,
        "f18afb0ab2df330c3da79544b9a8caa462606b0c2986980bac28cf713a7a2a3a"
    );
}

#[test]
fn git_s_patterns_count_in_every_folder() {
    let folder = folder_of(&[
        PROCFILE,
        (".gitignore", "*.log\n/build/\n"),
        ("a.log", ""),
        ("build/x", ""),
        ("sub/build/x", ""),
        ("sub/.gitignore", "!keep.log\nown.txt\n"),
        ("sub/keep.log", ""),
        ("sub/own.txt", ""),
        ("own.txt", ""),
    ]);
    let (summary, content, _out) = zipped(folder.path());
    let found: Vec<&str> = content.keys().map(String::as_str).collect();
    assert_eq!(
        found,
        [
            ".gitignore",
            "Procfile",
            "own.txt",
            "sub/.gitignore",
            "sub/build/x",
            "sub/keep.log"
        ]
    );
    assert_eq!(summary.left_out, 3);
}

#[test]
fn an_ebignore_replaces_git_s_patterns() {
    let folder = folder_of(&[
        PROCFILE,
        (".gitignore", "dist/\n"),
        (".ebignore", "src/\n"),
        ("dist/app.js", "built"),
        ("src/app.ts", "source"),
        ("lib/.gitignore", "*\n"),
        ("lib/x", ""),
    ]);
    let (_, content, _out) = zipped(folder.path());
    assert!(
        content.contains_key("dist/app.js") && content.contains_key("lib/x"),
        "{content:?}"
    );
    assert!(!content.contains_key("src/app.ts"), "{content:?}");
}

#[test]
fn a_bundle_may_be_written_into_its_own_folder() {
    let folder = folder_of(&[PROCFILE]);
    let out = folder.path().join("out.zip");
    let first = zip_directory(folder.path(), &out, &[]).unwrap();
    let second = zip_directory(folder.path(), &out, &[]).unwrap();
    assert_eq!(first, second);
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        2,
        "an unfinished file was left"
    );
}

#[test]
fn what_is_set_apart_is_no_part_of_a_bundle() {
    let folder = folder_of(&[
        PROCFILE,
        ("releases/shop/1.json", "no"),
        ("bundles/mine.txt", "yes"),
        ("bundles/old.zip", "no"),
        ("lib/releases/a", "yes"),
    ]);
    let out = tempfile::tempdir().unwrap();
    let apart = [
        folder.path().join("lib/../releases"),
        folder.path().join("bundles/old.zip"),
        folder.path().join("not/there"),
    ];
    let summary = zip_directory(folder.path(), &out.path().join("out.zip"), &apart).unwrap();
    let content = contents(&summary.path);
    let found: Vec<&str> = content.keys().map(String::as_str).collect();
    assert_eq!(found, ["Procfile", "bundles/mine.txt", "lib/releases/a"]);
}

#[test]
fn a_folder_that_cannot_be_zipped_says_why() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(folder_problems(&folder.path().join("gone")), [BundleProblem::Missing]);
    assert_eq!(
        folder_problems(folder.path()),
        [BundleProblem::NothingToZip { left_out: 0 }]
    );
    let all_left_out = folder_of(&[(".gitignore", "*\n"), ("a", "")]);
    assert_eq!(
        folder_problems(all_left_out.path()),
        [BundleProblem::NothingToZip { left_out: 2 }]
    );
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    assert_eq!(folder_problems(&file), [BundleProblem::NotAFolder { found: "a file" }]);
    let error = zip_directory(folder.path(), Path::new("/no/such/folder/out.zip"), &[]).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("`/no/such/folder/out.zip` cannot be written: "),
        "{error}"
    );
    let patterns = folder_of(&[PROCFILE, (".gitignore", "a{b\n")]);
    assert!(matches!(
        folder_problems(patterns.path()).as_slice(),
        [BundleProblem::IgnoreFile { file, .. }] if file == ".gitignore"
    ));
}

/// Files by their names; a name that is a folder of another one is left out.
fn tree() -> impl Strategy<Value = BTreeMap<String, Vec<u8>>> {
    let name = prop::collection::vec("[a-z.é ]{0,3}[a-zA-Z]", 1..4).prop_map(|parts| parts.join("/"));
    let files = prop::collection::btree_map(name, prop::collection::vec(any::<u8>(), 0..200), 0..12);
    files.prop_map(|files| {
        let names: Vec<String> = files.keys().cloned().collect();
        let is_folder = |name: &str| names.iter().any(|other| other.starts_with(&format!("{name}/")));
        files.into_iter().filter(|(name, _)| !is_folder(name)).collect()
    })
}

fn write_tree(folder: &Path, files: &mut dyn Iterator<Item = (&String, &Vec<u8>)>, time: u64) {
    for (name, content) in files {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(time);
        fs::File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_modified(time)
            .unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_is_zipped_passes_inspection_and_is_always_the_same(files in tree()) {
        let mut files = files;
        files.insert("Procfile".to_owned(), b"web: ./run\n".to_vec());
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        write_tree(one.path(), &mut files.iter(), 1_000_000_000);
        write_tree(two.path(), &mut files.iter().rev(), 1_500_000_000);
        let out = tempfile::tempdir().unwrap();
        let first = zip_directory(one.path(), &out.path().join("1.zip"), &[]).unwrap();
        let second = zip_directory(two.path(), &out.path().join("2.zip"), &[]).unwrap();
        prop_assert_eq!(fs::read(&first.path).unwrap(), fs::read(&second.path).unwrap());
        let bundle = inspect(&first.path).unwrap();
        prop_assert_eq!(bundle.files, u64::try_from(files.len()).unwrap());
        prop_assert_eq!(&bundle.sha256, &second.sha256);
    }

    #[test]
    fn no_bytes_make_inspection_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in any::<prop::sample::Index>(),
        cuts in any::<bool>(),
    ) {
        let mut bytes = zip_of(&[PROCFILE, ("a/b", "content")]);
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if cuts {
            bytes.truncate(cut.index(bytes.len()));
        }
        if let Err(problems) = inspect_bytes(&bytes) {
            prop_assert!(problems.iter().all(|problem| !problem.to_string().is_empty()));
        }
    }
}

#[test]
fn resources_that_end_with_their_environment_are_found_in_extensions() {
    let table = "Resources:\n  Sessions:\n    Type: AWS::DynamoDB::Table\n";
    let zip = zip_of(&[
        PROCFILE,
        (".ebextensions/a.config", table),
        (".ebextensions/b.config", "- ["),
    ]);
    let bundle = inspect_bytes(&zip).unwrap();
    assert_eq!(bundle.stores.len(), 1);
    assert_eq!(
        bundle.stores[0].to_string(),
        "Sessions (AWS::DynamoDB::Table in .ebextensions/a.config)"
    );
    assert!(
        bundle.unread.len() == 1 && bundle.unread[0].starts_with(".ebextensions/b.config: YAML"),
        "{:?}",
        bundle.unread
    );
}
