//! The name of an archive.

use std::time::{SystemTime, UNIX_EPOCH};

use flip_sdk::Error;
use job_names::ModelId;
use time::OffsetDateTime;

/// `<model id>/<YYYYmmdd_HHMMSS>.zip`, in UTC.
///
/// # Errors
///
/// `unavailable` where the clock shows no time of the years 1970 to 9999.
pub(crate) fn archive(model_id: &ModelId, now: SystemTime) -> Result<String, Error> {
    let time = now
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|since| i64::try_from(since.as_secs()).ok())
        .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok())
        .ok_or_else(|| Error::Unavailable("the clock is set to no time that a name could have".to_owned()))?;
    let (year, month, day) = time.to_calendar_date();
    let (hour, minute, second) = time.to_hms();
    let month = u8::from(month);
    Ok(format!("{model_id}/{year:04}{month:02}{day:02}_{hour:02}{minute:02}{second:02}.zip"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn key(seconds: u64) -> Result<String, Error> {
        let model_id = ModelId::new("3fa85f6457174562b3fc2c963f66afa6".to_owned()).unwrap();
        archive(&model_id, UNIX_EPOCH + Duration::from_secs(seconds))
    }

    #[test]
    fn an_archive_bears_the_second_in_utc() {
        assert_eq!(key(0).unwrap(), "3fa85f6457174562b3fc2c963f66afa6/19700101_000000.zip");
        assert_eq!(key(1_709_251_199).unwrap(), "3fa85f6457174562b3fc2c963f66afa6/20240229_235959.zip");
    }

    #[test]
    fn a_clock_that_is_wrong_beyond_words_is_an_error() {
        assert!(matches!(key(1 << 40), Err(Error::Unavailable(_))));
        let model_id = ModelId::new("3fa85f6457174562b3fc2c963f66afa6".to_owned()).unwrap();
        let before = UNIX_EPOCH - Duration::from_secs(1);
        assert!(matches!(archive(&model_id, before), Err(Error::Unavailable(_))));
    }
}
