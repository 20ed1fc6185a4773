//! The shell around [`Automation`]: a lock, the clock, and callers who wait.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::oneshot;

use super::{Automation, Deployed, JsonAnswer, JsonRequest, JsonServices, Reply, Run, RunEnd, RunId, Service, call};
use crate::model::Clock;

/// What carries out invocations.
pub trait FunctionPlane: Send + Sync {
    /// Begins an invocation and returns at once; `end` is called when it has ended.
    fn begin(&self, run: Run, end: Box<dyn FnOnce(RunEnd) + Send>);

    /// Only this code is served from now on: processes of other code may go when they are idle. Called in the order in which that
    /// changes, so it must not wait, nor tell of an end.
    fn keep(&self, deployed: &[Arc<Deployed>]);
}

/// Automation with what runs its functions. Shared as an `Arc`.
pub struct AutomationService {
    state: Mutex<State>,
    plane: Arc<dyn FunctionPlane>,
    clock: Arc<dyn Clock>,
    myself: Weak<Self>,
}

struct State {
    automation: Automation,
    waiting: BTreeMap<RunId, oneshot::Sender<JsonAnswer>>,
    kept: Vec<u64>,
}

impl AutomationService {
    /// Somebody must call [`AutomationService::do_what_is_due`] often.
    #[must_use]
    pub fn new(automation: Automation, plane: Arc<dyn FunctionPlane>, clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new_cyclic(|myself| Self {
            state: Mutex::new(State {
                automation,
                waiting: BTreeMap::new(),
                kept: Vec::new(),
            }),
            plane,
            clock,
            myself: Weak::clone(myself),
        })
    }

    /// Looks at the state. Nobody is answered meanwhile.
    pub(in crate::local) fn with<T>(&self, look: impl FnOnce(&Automation) -> T) -> T {
        look(&self.lock().automation)
    }

    /// Does what is due, and begins the invocations that come of it.
    pub fn do_what_is_due(&self) {
        let now = self.clock.now();
        let mut state = self.lock();
        if state.automation.next_due().is_some_and(|due| due <= now) {
            state.automation.tick(now);
            self.begin_runs(state);
        }
    }

    /// Tells the plane what is served, and hands invocations to it, these without the lock: it may tell of an end at once. So one of
    /// code that was just replaced may come after the plane has heard of that.
    fn begin_runs(&self, mut state: MutexGuard<'_, State>) {
        let runs = state.automation.take_runs();
        let deployed = state.automation.deployed();
        let revisions: Vec<u64> = deployed.iter().map(|deployed| deployed.revision).collect();
        let changed = state.kept != revisions;
        state.kept = revisions;
        if changed {
            // Later news must not come first.
            self.plane.keep(&deployed);
        }
        drop(state);
        for run in runs {
            let (id, myself) = (run.id, Weak::clone(&self.myself));
            self.plane.begin(
                run,
                Box::new(move |end| {
                    if let Some(service) = myself.upgrade() {
                        service.finish(id, &end);
                    }
                }),
            );
        }
    }

    fn finish(&self, id: RunId, end: &RunEnd) {
        let now = self.clock.now();
        let mut state = self.lock();
        let answer = state.automation.finished(id, end, now);
        let caller = state.waiting.remove(&id);
        self.begin_runs(state);
        if let (Some(answer), Some(caller)) = (answer, caller) {
            // A caller who went away is not answered.
            let _gone = caller.send(answer);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait::async_trait]
impl JsonServices for AutomationService {
    async fn call(&self, request: JsonRequest) -> JsonAnswer {
        let now = self.clock.now();
        let answer = {
            let mut state = self.lock();
            match state.automation.handle(&request, now) {
                Reply::Answered(answer) => {
                    self.begin_runs(state);
                    return answer;
                }
                Reply::Waits(run) => {
                    let (caller, answer) = oneshot::channel();
                    state.waiting.insert(run, caller);
                    self.begin_runs(state);
                    answer
                }
            }
        };
        answer.await.unwrap_or_else(|_| {
            let fault = call::fault(
                500,
                "ServiceException",
                "The local cloud ended before the function did.",
            );
            JsonAnswer::refusal(Service::Functions, fault)
        })
    }
}

impl std::fmt::Debug for AutomationService {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AutomationService").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::OnceLock;

    use super::super::fixture::{World, creation};
    use super::*;
    use crate::model::SystemClock;

    /// Notes whether the state was held whenever it was told what is served.
    #[derive(Default)]
    struct Watching {
        service: OnceLock<Weak<AutomationService>>,
        held: Mutex<Vec<bool>>,
    }

    impl FunctionPlane for Watching {
        fn begin(&self, _: Run, _: Box<dyn FnOnce(RunEnd) + Send>) {}

        fn keep(&self, _: &[Arc<Deployed>]) {
            let service = self.service.get().unwrap().upgrade().unwrap();
            self.held.lock().unwrap().push(service.state.try_lock().is_err());
        }
    }

    #[tokio::test]
    async fn the_plane_hears_what_is_served_in_its_order() {
        let plane = Arc::new(Watching::default());
        let automation = World::new().automation;
        let service = AutomationService::new(automation, plane.clone(), Arc::new(SystemClock));
        plane.service.set(Arc::downgrade(&service)).unwrap();
        let request = JsonRequest {
            service: Service::Functions,
            method: "POST".to_owned(),
            path: "/2015-03-31/functions".to_owned(),
            query: Vec::new(),
            headers: BTreeMap::new(),
            body: creation("release").to_string().into(),
            id: "request".to_owned(),
        };
        assert_eq!(service.call(request).await.status, 201);
        assert_eq!(*plane.held.lock().unwrap(), [true], "nothing else can come in between");
    }
}
