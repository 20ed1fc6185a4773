//! What was seen of an environment, window by window.

use std::collections::{BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

use crate::local::plane::{EnvironmentSample, InstanceSample, InstanceState};
use crate::model::{HealthStatus, RequestCounts, Timestamp};

/// Windows that shares of failed requests are taken over: a minute at AWS's pace.
const RECENT: usize = 6;

/// What was seen of an environment. What each window tells anew is not kept when a cloud ends.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Watch {
    /// The last window.
    #[serde(skip)]
    pub(crate) sample: Option<EnvironmentSample>,
    /// When it was closed.
    #[serde(skip)]
    pub(crate) refreshed: Option<Timestamp>,
    /// Windows in a row without a report.
    #[serde(skip)]
    pub(crate) silent_windows: u32,
    /// Windows in a row in which all instances served what they should.
    #[serde(skip)]
    pub(crate) serving_windows: u32,
    /// When an instance was last seen that was still building the version that it should run.
    #[serde(skip)]
    pub(crate) built: Option<Timestamp>,
    /// Instances seen so far and not gone.
    pub(crate) instances: BTreeSet<String>,
    /// The verdict.
    pub(crate) health: HealthStatus,
    /// The reasons for it.
    #[serde(skip)]
    pub(crate) causes: Vec<String>,
    #[serde(skip)]
    recent: VecDeque<RequestCounts>,
}

impl Default for Watch {
    fn default() -> Self {
        Self {
            sample: None,
            refreshed: None,
            silent_windows: 0,
            serving_windows: 0,
            built: None,
            instances: BTreeSet::new(),
            health: HealthStatus::Pending,
            causes: Vec::new(),
            recent: VecDeque::new(),
        }
    }
}

impl Watch {
    /// Takes in a window.
    pub(crate) fn record(&mut self, sample: EnvironmentSample, now: Timestamp) {
        self.recent.push_back(requests_of(&sample));
        if self.recent.len() > RECENT {
            self.recent.pop_front();
        }
        self.sample = Some(sample);
        self.refreshed = Some(now);
        self.silent_windows = 0;
    }

    /// Takes in that there was no report.
    pub(crate) fn record_silence(&mut self) {
        self.silent_windows = self.silent_windows.saturating_add(1);
        self.serving_windows = 0;
        self.recent.clear();
    }

    /// Instances of the last window that are not about to go.
    pub(crate) fn present(&self) -> impl Iterator<Item = &InstanceSample> {
        self.sample
            .iter()
            .flat_map(|sample| &sample.instances)
            .filter(|instance| instance.state != InstanceState::Draining)
    }

    /// Whether the last window had other instances than those seen so far.
    pub(crate) fn has_other_instances(&self) -> bool {
        let mut known = 0;
        for instance in self.present() {
            if !self.instances.contains(instance.id.as_str()) {
                return true;
            }
            known += 1;
        }
        known != self.instances.len()
    }

    /// Requests of the last minute.
    pub(crate) fn recent_requests(&self) -> RequestCounts {
        let mut sum = RequestCounts::default();
        for window in &self.recent {
            sum.add(window);
        }
        sum
    }
}

/// All requests of a window, those included that no instance answered.
pub(crate) fn requests_of(sample: &EnvironmentSample) -> RequestCounts {
    let mut sum = sample.balancer_errors;
    for instance in &sample.instances {
        sum.add(&instance.requests);
    }
    sum
}
