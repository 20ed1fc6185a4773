//! Operations on buckets.

use s3s::dto::*;
use s3s::{S3Error, S3ErrorCode, S3Result, s3_error};

use super::super::errors;
use super::lists::{read_token, token_after};
use super::{Front, convert};

/// The most buckets on a page (API reference, ListBuckets).
const MOST_BUCKETS: i32 = 10_000;

/// Whether a name is kept for others, or has a dot beside a dash (S3 user guide, "General purpose bucket naming rules"). The
/// library knows the other rules.
fn is_reserved(name: &str) -> bool {
    let begins = ["xn--", "sthree-", "amzn-s3-demo-"];
    let ends = ["-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"];
    begins.iter().any(|begin| name.starts_with(begin))
        || ends.iter().any(|end| name.ends_with(end))
        || name.contains(".-")
        || name.contains("-.")
}

impl Front {
    pub(super) fn do_list_buckets(&self, input: &ListBucketsInput) -> S3Result<ListBucketsOutput> {
        let most = match input.max_buckets {
            None => usize::MAX,
            Some(most @ 1..=MOST_BUCKETS) => usize::try_from(most).unwrap_or(usize::MAX),
            Some(_) => {
                return Err(s3_error!(
                    InvalidArgument,
                    "Argument max-buckets must be an integer between 1 and {MOST_BUCKETS}"
                ));
            }
        };
        let after = input.continuation_token.as_deref().map(read_token).transpose()?;
        let prefix = input.prefix.as_deref().unwrap_or_default();
        let region = self.store.region();
        let is_here = input.bucket_region.as_deref().is_none_or(|wanted| wanted == region);
        let names = |name: &str| name.starts_with(prefix) && after.as_deref().is_none_or(|after| name > after);
        let all = self.store.buckets();
        let mut all = all.into_iter().filter(|(name, _)| is_here && names(name));
        let buckets: Vec<Bucket> = all
            .by_ref()
            .take(most)
            .map(|(name, created)| Bucket {
                name: Some(name),
                creation_date: Some(convert::moment(created)),
                bucket_region: Some(region.to_owned()),
            })
            .collect();
        let last = buckets.last().and_then(|bucket| bucket.name.as_deref());
        Ok(ListBucketsOutput {
            continuation_token: all.next().and(last).map(token_after),
            buckets: Some(buckets),
            owner: Some(Owner {
                id: Some(self.store.account().to_owned()),
                ..Owner::default()
            }),
            prefix: input.prefix.clone(),
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
        if is_reserved(&input.bucket) {
            return Err(S3Error::new(S3ErrorCode::InvalidBucketName));
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
            Some(_) => return Err(errors::malformed_document()),
            None => {
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
