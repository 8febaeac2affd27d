//! The tiles of a picture in HEIF or AVIF (ISO/IEC 23008-12, 6.6.2.3), as ffprobe describes them.

use std::fmt::Write;

use serde_json::Value;

/// Most tiles of a poster. Each has a decoder of its own.
const MAX_TILES: usize = 64;
/// Most pixels of all tiles. The picture of 10 bits and its tiles take 3 bytes for a pixel each.
const MAX_PIXELS: u64 = 32 << 20;

/// A picture of tiles.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tiles {
    /// Of each tile, the index of its stream and its distances from the left and the upper edge, in pixels.
    tiles: Vec<(u64, u64, u64)>,
    /// The part that is displayed: width, height, and its distances from the left and the upper edge.
    shown: [u64; 4],
}

impl Tiles {
    /// Returns the tiles of an item in ffprobe's description of the groups of streams. `None`: there are none, or too many.
    pub(super) fn of(description: &[u8], item: u32) -> Option<Self> {
        let root: Value = serde_json::from_slice(description).ok()?;
        let id = format!("{item:#x}");
        let group = root.get("stream_groups")?.as_array()?.iter().find(|group| group["id"] == *id)?;
        let grid = group.get("components")?.get(0)?;
        let number = |value: &Value, name: &str| value.get(name)?.as_u64();
        let tile = |tile: &Value| {
            let stream = number(tile, "stream_index")?;
            Some((stream, number(tile, "tile_horizontal_offset")?, number(tile, "tile_vertical_offset")?))
        };
        let tiles: Option<Vec<_>> = grid.get("subcomponents")?.as_array()?.iter().map(tile).collect();
        let [coded_width, coded_height, width, height, left, upper] =
            ["coded_width", "coded_height", "width", "height", "horizontal_offset", "vertical_offset"]
                .map(|name| number(grid, name));
        let (shown, coded) = ([width?, height?, left?, upper?], [coded_width?, coded_height?]);
        let tiles = tiles?;
        let is_within = |at: usize| shown[at] > 0 && shown[at].saturating_add(shown[at + 2]) <= coded[at];
        let is_small =
            (1..=MAX_TILES).contains(&tiles.len()) && coded[0].saturating_mul(coded[1]) <= MAX_PIXELS;
        let are_within = tiles.iter().all(|(_, x, y)| *x < coded[0] && *y < coded[1]);
        (is_small && is_within(0) && is_within(1) && are_within).then_some(Self { tiles, shown })
    }

    /// Returns ffmpeg's filters that compose the picture, with a comma after them.
    pub(super) fn filters(&self) -> String {
        let mut filters = String::new();
        for (stream, ..) in &self.tiles {
            // Writing to a string never fails.
            let _ = write!(filters, "[0:{stream}]");
        }
        if self.tiles.len() > 1 {
            let places: Vec<_> = self.tiles.iter().map(|(_, x, y)| format!("{x}_{y}")).collect();
            let _ = write!(filters, "xstack=inputs={}:layout={}:fill=black,", places.len(), places.join("|"));
        }
        let [width, height, left, upper] = self.shown;
        let _ = write!(filters, "crop={width}:{height}:{left}:{upper}:exact=1,");
        filters
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Returns a description of item 5: a row of tiles of 64 by 64 pixels, of which 60 by 50 less than all are displayed.
    fn row(count: u64) -> Value {
        let tile = |index: u64| json!({"stream_index": index, "tile_horizontal_offset": 64 * index, "tile_vertical_offset": 0});
        json!({"stream_groups": [{"id": "0x4", "components": []}, {"id": "0x5", "components": [{
            "coded_width": 64 * count, "coded_height": 64, "width": 64 * count - 4, "height": 50,
            "horizontal_offset": 0, "vertical_offset": 2, "subcomponents": (0..count).map(tile).collect::<Vec<_>>(),
        }]}]})
    }

    fn tiles(description: &Value) -> Option<Tiles> {
        Tiles::of(description.to_string().as_bytes(), 5)
    }

    #[test]
    fn the_picture_is_composed_of_its_tiles() {
        let filters = |count: u64| tiles(&row(count)).map(|tiles| tiles.filters());
        let two = "[0:0][0:1]xstack=inputs=2:layout=0_0|64_0:fill=black,crop=124:50:0:2:exact=1,";
        assert_eq!(filters(2).as_deref(), Some(two));
        assert_eq!(filters(1).as_deref(), Some("[0:0]crop=60:50:0:2:exact=1,"));
        assert!(filters(64).is_some());
        assert_eq!(Tiles::of(row(2).to_string().as_bytes(), 4), None);
        assert_eq!(Tiles::of(row(2).to_string().as_bytes(), 0x50), None);
    }

    #[test]
    fn too_many_tiles_or_pixels_and_odd_values_are_rejected() {
        assert_eq!((tiles(&row(65)), tiles(&row(1_000))), (None, None));
        let grid = |name: &str, value: Value| {
            let mut description = row(2);
            description["stream_groups"][1]["components"][0][name] = value;
            tiles(&description)
        };
        assert!(grid("coded_height", json!(MAX_PIXELS / 128)).is_some());
        for (name, value) in [
            ("coded_height", json!(MAX_PIXELS / 128 + 1)),
            ("coded_height", json!(u64::MAX)),
            ("coded_width", json!(64)),
            ("width", json!(129)),
            ("width", json!(0)),
            ("height", json!(63)),
            ("vertical_offset", json!(u64::MAX)),
            ("vertical_offset", json!(-1)),
            ("horizontal_offset", json!("0")),
            ("subcomponents", json!([])),
            ("subcomponents", json!([{"stream_index": "0:1]null[out];[0"}])),
            (
                "subcomponents",
                json!([{"stream_index": 0, "tile_horizontal_offset": 128, "tile_vertical_offset": 0}]),
            ),
        ] {
            assert_eq!(grid(name, value.clone()), None, "{name}: {value}");
        }
        assert_eq!(Tiles::of(b"{}", 5), None);
        assert_eq!(Tiles::of(b"", 5), None);
    }
}
