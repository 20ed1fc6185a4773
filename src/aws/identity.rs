//! Who we are.

use super::error::{NO_REGION, read};
use super::{Aws, CallError};

impl Aws {
    /// The id of the account that the credentials belong to. A read.
    ///
    /// # Errors
    ///
    /// Without working credentials or region.
    pub async fn account_id(&self) -> Result<String, CallError> {
        const OPERATION: &str = "GetCallerIdentity";
        let Some(_) = self.region() else {
            return Err(CallError::refused(OPERATION, NO_REGION));
        };
        let answer = self
            .sts
            .get_caller_identity()
            .send()
            .await
            .map_err(|error| read(OPERATION, error))?;
        answer
            .account
            .ok_or_else(|| CallError::refused(OPERATION, "the answer names no account"))
    }
}
