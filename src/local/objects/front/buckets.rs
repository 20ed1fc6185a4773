//! Operations on buckets.

use s3s::dto::*;
use s3s::{S3Result, s3_error};

use super::super::errors;
use super::{Front, convert};

impl Front {
    pub(super) fn do_list_buckets(&self, input: &ListBucketsInput) -> S3Result<ListBucketsOutput> {
        if input.continuation_token.is_some() {
            return Err(errors::not_implemented("listing buckets page by page"));
        }
        let prefix = input.prefix.as_deref().unwrap_or_default();
        let buckets = self
            .store
            .buckets()
            .into_iter()
            .filter(|(name, _)| name.starts_with(prefix))
            .map(|(name, created)| Bucket {
                name: Some(name),
                creation_date: Some(convert::moment(created)),
                bucket_region: Some(self.store.region().to_owned()),
            })
            .collect();
        Ok(ListBucketsOutput {
            buckets: Some(buckets),
            owner: Some(Owner {
                id: Some(self.store.account().to_owned()),
                ..Owner::default()
            }),
            prefix: input.prefix.clone(),
            ..ListBucketsOutput::default()
        })
    }

    pub(super) fn do_create_bucket(&self, input: &CreateBucketInput) -> S3Result<CreateBucketOutput> {
        let wanted = input
            .create_bucket_configuration
            .as_ref()
            .and_then(|configuration| configuration.location_constraint.as_ref())
            .map_or("us-east-1", BucketLocationConstraint::as_str);
        if wanted != self.store.region() {
            return Err(s3_error!(
                IllegalLocationConstraintException,
                "The {wanted} location constraint is incompatible for the region specific endpoint this request was sent to; \
                 this local cloud is in {}.",
                self.store.region()
            ));
        }
        self.store.create_bucket(&input.bucket)?;
        Ok(CreateBucketOutput {
            location: Some(format!("/{}", input.bucket)),
        })
    }

    pub(super) fn do_head_bucket(&self, input: &HeadBucketInput) -> S3Result<HeadBucketOutput> {
        self.store.require_bucket(&input.bucket)?;
        Ok(HeadBucketOutput {
            bucket_region: Some(self.store.region().to_owned()),
            ..HeadBucketOutput::default()
        })
    }

    pub(super) fn do_get_bucket_versioning(
        &self,
        input: &GetBucketVersioningInput,
    ) -> S3Result<GetBucketVersioningOutput> {
        let versioning = self.store.versioning(&input.bucket)?;
        Ok(GetBucketVersioningOutput {
            status: versioning.map(BucketVersioningStatus::from),
            ..GetBucketVersioningOutput::default()
        })
    }

    pub(super) fn do_put_bucket_versioning(
        &self,
        input: &PutBucketVersioningInput,
    ) -> S3Result<PutBucketVersioningOutput> {
        let wanted = &input.versioning_configuration;
        if wanted.mfa_delete.is_some() {
            return Err(errors::not_implemented("MFA delete"));
        }
        let status = wanted.status.as_ref().map(BucketVersioningStatus::as_str);
        match status {
            Some(status @ ("Enabled" | "Suspended")) => self.store.set_versioning(&input.bucket, status)?,
            _ => {
                return Err(s3_error!(
                    IllegalVersioningConfigurationException,
                    "The Versioning element must be specified"
                ));
            }
        }
        Ok(PutBucketVersioningOutput::default())
    }

    pub(super) fn do_get_bucket_location(&self, input: &GetBucketLocationInput) -> S3Result<GetBucketLocationOutput> {
        self.store.require_bucket(&input.bucket)?;
        // The oldest region has no constraint.
        let region = self.store.region();
        let constraint = (region != "us-east-1").then(|| BucketLocationConstraint::from(region.to_owned()));
        Ok(GetBucketLocationOutput {
            location_constraint: constraint,
        })
    }
}
