//! Where the processes of a deployment live: its package, unpacked once, and what each process is given.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::OnceCell;

use super::Tools;
use crate::local::automation::{Deployed, Runtime};
use crate::local::live::process::base_environment;
use crate::local::live::unpack::unpack;

/// The file that runs handlers in Python.
pub(super) const PYTHON_RUNTIME: &str = "bootstrap.py";

/// The place of a deployment. What is in it goes when nobody needs it any more, but for the logs.
pub(super) struct Site {
    deployed: Arc<Deployed>,
    tools: Arc<Tools>,
    folder: PathBuf,
    /// What is to be started, or why nothing can be.
    installed: OnceCell<Result<Vec<OsString>, String>>,
}

impl Site {
    /// No two have the same files, even of one deployment.
    pub(super) fn new(deployed: Arc<Deployed>, tools: Arc<Tools>) -> Self {
        let folder = tools.folder.join(&deployed.name);
        Self {
            folder: folder.join(format!("{}.{}", deployed.revision, tools.number())),
            installed: OnceCell::new(),
            deployed,
            tools,
        }
    }

    /// The unpacked package.
    pub(super) fn task_root(&self) -> PathBuf {
        self.folder.join("task")
    }

    /// Files of one process alone.
    pub(super) fn temporary(&self, worker: u64) -> PathBuf {
        self.folder.join(format!("tmp-{worker}"))
    }

    /// What one process prints.
    pub(super) fn log(&self, worker: u64) -> PathBuf {
        let folder = self.folder.parent().unwrap_or(&self.folder);
        folder.join(format!("{}-{worker}.log", self.deployed.revision))
    }

    /// Unpacks the package, the first time; tells the command of a process.
    pub(super) async fn install(&self) -> Result<Vec<OsString>, String> {
        let installed = self.installed.get_or_init(|| async {
            let (package, task_root) = (self.deployed.package.clone(), self.task_root());
            let unpacked = tokio::task::spawn_blocking(move || {
                std::fs::create_dir_all(&task_root).map_err(|error| error.to_string())?;
                unpack(&package, &task_root).map_err(|error| error.to_string())
            });
            unpacked.await.map_err(|error| error.to_string())??;
            self.command()
        });
        installed.await.clone()
    }

    fn command(&self) -> Result<Vec<OsString>, String> {
        match &self.deployed.runtime {
            Runtime::Provided(_) => {
                let program = self.task_root().join("bootstrap");
                let mode = std::fs::metadata(&program).map(|found| found.permissions().mode());
                match mode {
                    Ok(mode) if mode & 0o111 != 0 => Ok(vec![program.into()]),
                    Ok(_) => Err(
                        "fork/exec /var/task/bootstrap: permission denied; make it executable before it is packed"
                            .to_owned(),
                    ),
                    Err(_) => Err("Couldn't find valid bootstrap(s): [/var/task/bootstrap]".to_owned()),
                }
            }
            Runtime::Python(_) => Ok(vec!["python3".into(), self.tools.folder.join(PYTHON_RUNTIME).into()]),
        }
    }

    /// All that a process is given.
    pub(super) fn environment(&self, worker: u64, api: &str) -> BTreeMap<OsString, OsString> {
        let deployed = &self.deployed;
        let temporary = self.temporary(worker);
        let mut environment = base_environment(&temporary, &temporary);
        environment.extend([
            ("TZ".into(), ":UTC".into()),
            // Where the services are. A function may be told otherwise.
            ("AWS_ENDPOINT_URL".into(), self.tools.endpoint.clone().into()),
            ("AWS_EC2_METADATA_DISABLED".into(), "true".into()),
        ]);
        for (name, value) in &deployed.environment {
            environment.insert(name.into(), value.into());
        }
        let log_stream = format!("{}/[$LATEST]{worker}", deployed.revision);
        // Last: these are not the function's to choose.
        let reserved: [(&str, OsString); 13] = [
            ("_HANDLER", deployed.handler.clone().into()),
            ("AWS_ACCESS_KEY_ID", "ASIALOCALFUNCTION000".into()),
            ("AWS_SECRET_ACCESS_KEY", "local".into()),
            ("AWS_SESSION_TOKEN", "local".into()),
            ("AWS_REGION", deployed.region.clone().into()),
            ("AWS_DEFAULT_REGION", deployed.region.clone().into()),
            ("AWS_LAMBDA_FUNCTION_NAME", deployed.name.clone().into()),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".into()),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", deployed.memory_mb.to_string().into()),
            ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand".into()),
            (
                "AWS_LAMBDA_LOG_GROUP_NAME",
                format!("/aws/lambda/{}", deployed.name).into(),
            ),
            ("AWS_LAMBDA_LOG_STREAM_NAME", log_stream.into()),
            ("AWS_LAMBDA_RUNTIME_API", api.into()),
        ];
        environment.extend(reserved.map(|(name, value)| (name.into(), value)));
        environment.insert("LAMBDA_TASK_ROOT".into(), self.task_root().into());
        if let Runtime::Python(name) = &deployed.runtime {
            environment.insert("AWS_EXECUTION_ENV".into(), format!("AWS_Lambda_{name}").into());
            environment.insert("PYTHONUNBUFFERED".into(), "1".into());
        }
        environment
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        // A cloud that ends leaves them to the next one, which begins with an empty folder.
        if *self.tools.closing.borrow() {
            return;
        }
        let folder = std::mem::take(&mut self.folder);
        let _removed_later = self
            .tools
            .runtime
            .spawn_blocking(move || match std::fs::remove_dir_all(&folder) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    tracing::warn!(folder = %folder.display(), %error, "the files of a function's earlier code stay");
                }
                Ok(()) | Err(_) => {}
            });
    }
}
