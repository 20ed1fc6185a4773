//! Moments, as the SDK has them and as we do.

use aws_smithy_types::DateTime;

use crate::model::Timestamp;

pub(super) fn timestamp(time: &DateTime) -> Timestamp {
    Timestamp::from_millis(time.to_millis().unwrap_or(0))
}

pub(super) fn date_time(time: Timestamp) -> DateTime {
    DateTime::from_millis(time.as_millis())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_stays_the_same_to_the_millisecond() {
        for millis in [0, 1, 1_800_000_000_123, -1, -1500] {
            let here = Timestamp::from_millis(millis);
            assert_eq!(timestamp(&date_time(here)), here, "{millis}");
        }
        let finer = DateTime::from_secs_and_nanos(5, 7_999_999);
        assert_eq!(timestamp(&finer), Timestamp::from_millis(5007));
    }
}
