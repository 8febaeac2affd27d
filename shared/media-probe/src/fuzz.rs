//! Fuzz targets of ffprobe's output, which a malicious file influences, and of the `Range` header. A failure prints the input;
//! `PROPTEST_CASES=N` runs longer.

use proptest::prelude::*;
use proptest::test_runner::Config;

use crate::parse;
use media_process::{ByteRange, parse_range};

/// Replacements for a value.
const VALUES: &[&str] = &[
    "null",
    "{}",
    "[]",
    "\"\"",
    "\"N/A\"",
    "\"nan\"",
    "\"1e999\"",
    "-1",
    "0",
    "\"9/0\"",
    "\"-90\"",
    "true",
    "{\"rotation\":1e300}",
    "\"video\"",
    "\"audio\"",
    "1.7976931348623157e308",
    "\"\\ud800\"",
    "[[[[[[[[]]]]]]]]",
];

const DESCRIPTION: &str = r#"{"format":{"filename":"x","format_name":"mov,mp4","duration":"2.0","bit_rate":"7",
"tags":{"major_brand":"avif"}},"streams":[{"codec_type":"video","codec_name":"h264","width":640,"height":360,
"avg_frame_rate":"25/1","nb_frames":"1","duration":"2.0","disposition":{"attached_pic":0},
"side_data_list":[{"rotation":-90}],"tags":{"rotate":"90"}},{"codec_type":"audio","codec_name":"aac","channels":2}],
"chapters":[]}"#;

/// Generates a change at a position: another byte, or another value for the next name.
fn edit() -> impl Strategy<Value = (u16, Result<String, u8>)> {
    let value = prop_oneof![
        prop::sample::select(VALUES).prop_map(str::to_owned),
        any::<i64>().prop_map(|number| number.to_string()),
        any::<f64>().prop_map(|number| format!("\"{number}\"")),
    ];
    (any::<u16>(), prop_oneof![3 => value.prop_map(Ok), 1 => any::<u8>().prop_map(Err)])
}

fn description() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(edit(), 0..6).prop_map(|edits| {
        let mut bytes = DESCRIPTION.as_bytes().to_vec();
        for (at, edit) in edits {
            let at = usize::from(at) % bytes.len();
            match edit {
                Err(byte) => bytes[at] = byte,
                Ok(value) => replace_value(&mut bytes, at, &value),
            }
        }
        bytes
    })
}

fn replace_value(bytes: &mut Vec<u8>, at: usize, value: &str) {
    let Some(colon) = bytes[at..].iter().position(|byte| *byte == b':') else { return };
    let start = at + colon + 1;
    let length = bytes[start..].iter().position(|byte| b",}]".contains(byte)).unwrap_or(bytes.len() - start);
    drop(bytes.splice(start..start + length, value.bytes()));
}

/// Returns `PROPTEST_CASES`, or the default number, with which all targets take some seconds on an idle machine.
pub(crate) fn cases(usual: u32) -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

pub(crate) fn config(cases: u32) -> Config {
    Config { cases: cases.max(1), failure_persistence: None, ..Config::default() }
}

proptest! {
    #![proptest_config(config(cases(50_000)))]

    #[test]
    fn a_description_is_valid_or_rejected(bytes in description()) {
        if let Ok(media) = parse::media(&bytes) {
            let summary = &media.summary;
            let sound = |number: Option<f64>| number.is_none_or(|number| number.is_finite() && number > 0.0);
            prop_assert!(sound(summary.duration) && sound(summary.frame_rate), "{summary:?}");
            prop_assert!(summary.width != Some(0) && summary.height != Some(0), "{summary:?}");
            prop_assert!(summary.rotation.is_none_or(|degrees| (1..360).contains(&degrees)), "{summary:?}");
            prop_assert!(media.full["format"].is_object() && media.full["format"].get("filename").is_none());
            prop_assert!(media.full["streams"].is_array() && media.full["chapters"].is_array());
        }
    }

    #[test]
    fn any_bytes_are_parsed_or_rejected(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        prop_assert!(parse::media(&bytes).is_err());
        prop_assert_eq!(parse::error_code(&bytes), None);
    }

    #[test]
    fn a_range_lies_within_the_file(text in "(bytes)?=?[0-9+,-]{0,24}", first: u64, last: u64, size: u64) {
        for header in [text, format!("bytes={first}-{last}"), format!("bytes={first}-"), format!("bytes=-{last}")] {
            if let ByteRange::Part { start, end } = parse_range(Some(&header), size) {
                prop_assert!(start < end && end <= size, "{header}: {start}..{end} of {size}");
            }
        }
    }
}
