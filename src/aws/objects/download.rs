//! Objects that become files: the artifacts of pipelines.

use std::path::Path;

use aws_credential_types::Credentials;
use tokio::io::AsyncWriteExt;

use super::super::error::read;
use super::super::{Aws, CallError, Effect};

/// Credentials for one job, which may read its artifacts and nothing else.
#[derive(Clone)]
pub struct Session {
    /// Access key id.
    pub key: String,
    /// Secret access key.
    pub secret: String,
    /// Session token.
    pub token: Option<String>,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Session")
    }
}

const OPERATION: &str = "GetObject";

impl Aws {
    /// Writes an object into a file, with the credentials of a job if there are some. What is encrypted by a key of KMS is
    /// decrypted by S3, if these credentials may use the key. A read.
    ///
    /// # Errors
    ///
    /// When it cannot be read or is not there, when the file cannot be written, or what arrived is not whole.
    pub async fn download(
        &self,
        session: Option<&Session>,
        bucket: &str,
        key: &str,
        file: &Path,
    ) -> Result<(), CallError> {
        let client = match session {
            None => self.s3.clone(),
            Some(Session { key, secret, token }) => {
                let own = Credentials::new(key, secret, token.clone(), None, "the pipeline's job");
                let settings = self.s3.config().to_builder().credentials_provider(own).build();
                aws_sdk_s3::Client::from_conf(settings)
            }
        };
        let answer = client.get_object().bucket(bucket).key(key).send().await;
        let answer = answer.map_err(|error| read(OPERATION, error))?;
        let expected = answer.content_length().and_then(|length| u64::try_from(length).ok());
        let mut body = answer.body;
        let unwritable = |error: std::io::Error| CallError {
            operation: OPERATION,
            code: None,
            message: format!("{} cannot be written: {error}", file.display()),
            effect: Effect::Refused,
        };
        let cut_short = |message: String| CallError {
            operation: OPERATION,
            code: None,
            message: format!("s3://{bucket}/{key} was cut short or damaged: {message}"),
            effect: Effect::Unknown,
        };
        let mut written = 0;
        let mut into = tokio::fs::File::create(file).await.map_err(unwritable)?;
        while let Some(piece) = body.try_next().await.map_err(|error| cut_short(error.to_string()))? {
            into.write_all(&piece).await.map_err(unwritable)?;
            written += piece.len() as u64;
        }
        into.flush().await.map_err(unwritable)?;
        match expected {
            Some(expected) if expected != written => Err(cut_short(format!("{written} of {expected} bytes"))),
            _ => Ok(()),
        }
    }
}
