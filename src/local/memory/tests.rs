//! Whoever is answered finds it again.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use super::*;

/// A few numbers by name, and a list that only grows.
#[derive(Default)]
struct Numbers {
    revision: AtomicU64,
    looked: AtomicU64,
    numbers: Mutex<std::collections::BTreeMap<String, u64>>,
    said: Mutex<Vec<u64>>,
    noted: AtomicU64,
}

impl Numbers {
    fn set(&self, name: &str, number: u64) {
        self.numbers.lock().unwrap().insert(name.to_owned(), number);
        self.revision.fetch_add(1, Ordering::Relaxed);
    }

    fn remove(&self, name: &str) {
        self.numbers.lock().unwrap().remove(name);
        self.revision.fetch_add(1, Ordering::Relaxed);
    }

    fn say(&self, number: u64) {
        self.said.lock().unwrap().push(number);
        self.revision.fetch_add(1, Ordering::Relaxed);
    }
}

impl Subject for Arc<Numbers> {
    fn revision(&self) -> u64 {
        self.revision.load(Ordering::Relaxed)
    }

    fn look(&self, whole: bool) -> Look {
        self.looked.fetch_add(1, Ordering::Relaxed);
        let mut notes = Notes::default();
        let revision = self.revision();
        for (name, number) in &*self.numbers.lock().unwrap() {
            notes.put(format!("number/{name}"), number);
        }
        let said = self.said.lock().unwrap();
        let before = self.noted.swap(said.len() as u64, Ordering::Relaxed);
        let from = if whole { 0 } else { usize::try_from(before).unwrap() };
        for (place, number) in said.iter().enumerate().skip(from) {
            notes.add(format!("said/{place:04}"), number);
        }
        Look { revision, notes }
    }
}

fn memory(data: &Path) -> (Arc<Numbers>, Memory) {
    let numbers = Arc::new(Numbers::default());
    let part: Arc<dyn Part> = Arc::new(Compared::new(Arc::clone(&numbers)));
    (numbers, Memory::new(data, vec![part]))
}

fn numbers(data: &Path) -> Vec<(String, u64)> {
    recall(data).unwrap().all("number/").unwrap()
}

#[tokio::test]
async fn what_was_settled_is_recalled_and_only_changes_are_written() {
    let home = tempfile::tempdir().unwrap();
    let (one, memory) = memory(home.path());
    assert!(numbers(home.path()).is_empty());
    for number in 0..100 {
        one.set(&format!("{number:03}"), number);
    }
    one.say(1);
    memory.settle().await.unwrap();
    assert_eq!(numbers(home.path()).len(), 100);
    let length = || std::fs::metadata(home.path().join(LOG)).unwrap().len();
    let before = length();
    one.set("007", 8);
    one.remove("008");
    one.say(2);
    memory.settle().await.unwrap();
    assert!(length() < before + 200, "{before} {}", length());
    let kept = recall(home.path()).unwrap();
    assert_eq!(kept.one::<u64>("number/007").unwrap(), Some(8));
    assert_eq!(kept.one::<u64>("number/008").unwrap(), None);
    let said: Vec<(String, u64)> = kept.all("said/").unwrap();
    assert_eq!(said.iter().map(|(_, number)| *number).collect::<Vec<_>>(), [1, 2]);
    // Nobody is kept waiting when there is nothing new.
    let (looked, before) = (one.looked.load(Ordering::Relaxed), length());
    memory.settle().await.unwrap();
    assert_eq!((one.looked.load(Ordering::Relaxed), length()), (looked, before));
}

#[tokio::test]
async fn after_a_write_that_failed_the_next_one_writes_everything() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let (one, memory) = memory(&data);
    one.set("a", 1);
    memory.settle().await.unwrap();
    // Whatever was written of it, it is not what the log should go on from.
    memory.saver.lock().await.log = None;
    std::fs::remove_dir_all(&data).unwrap();
    one.set("b", 2);
    let told = memory.settle().await.unwrap_err().to_string();
    assert!(told.contains("memory.new") && told.contains("room"), "{told}");
    memory.settle().await.unwrap_err();
    std::fs::create_dir(&data).unwrap();
    memory.settle().await.unwrap();
    assert_eq!(numbers(&data), [("a".to_owned(), 1), ("b".to_owned(), 2)]);
}

#[tokio::test]
async fn what_was_replaced_goes_only_when_that_is_written() {
    struct Replacing(Mutex<Option<Box<dyn Any + Send>>>);
    impl Part for Replacing {
        fn has_news(&self) -> bool {
            self.0.lock().unwrap().is_some()
        }

        fn news(&self, _: bool) -> Result<News, NotesError> {
            Ok(News {
                until_saved: self.0.lock().unwrap().take().into_iter().collect(),
                ..News::default()
            })
        }
    }
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("none yet");
    let replaced = Arc::new(());
    let part = Replacing(Mutex::new(Some(Box::new(Arc::clone(&replaced)))));
    let memory = Memory::new(&data, vec![Arc::new(part)]);
    memory.settle().await.unwrap_err();
    assert_eq!(Arc::strong_count(&replaced), 2, "it is still in the log");
    std::fs::create_dir(&data).unwrap();
    memory.settle().await.unwrap();
    assert_eq!(Arc::strong_count(&replaced), 1);
}

#[tokio::test]
async fn a_torn_log_is_kept_beside_the_new_one() {
    let home = tempfile::tempdir().unwrap();
    let (one, memory) = memory(home.path());
    one.set("a", 1);
    memory.settle().await.unwrap();
    one.set("b", 2);
    memory.settle().await.unwrap();
    let path = home.path().join(LOG);
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() - 1]).unwrap();
    assert_eq!(numbers(home.path()), [("a".to_owned(), 1)]);
    let torn = std::fs::read(home.path().join(TORN)).unwrap();
    assert_eq!(torn, whole[..whole.len() - 1]);
}
