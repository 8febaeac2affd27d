//! The orientation of a picture.

/// An orientation: an optional horizontal flip, then a rotation by quarters clockwise.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Orientation {
    mirrored: bool,
    quarters: u8,
}

impl Orientation {
    /// Returns the orientation for EXIF's number (CIPA DC-008, tag 274).
    pub(crate) fn of_exif(number: u64) -> Option<Self> {
        let (mirrored, quarters) = match number {
            1 => (false, 0),
            2 => (true, 0),
            3 => (false, 2),
            4 => (true, 2),
            5 => (true, 3),
            6 => (false, 1),
            7 => (true, 1),
            8 => (false, 3),
            _ => return None,
        };
        Some(Self { mirrored, quarters })
    }

    /// Adds a clockwise rotation.
    pub(crate) fn turned(self, quarters: u8) -> Self {
        Self { quarters: (self.quarters + quarters) % 4, ..self }
    }

    /// Adds a horizontal flip.
    pub(crate) fn mirrored(self) -> Self {
        Self { mirrored: !self.mirrored, quarters: (4 - self.quarters) % 4 }
    }

    /// Returns whether width and height are swapped.
    pub(crate) fn swaps_sides(self) -> bool {
        self.quarters % 2 == 1
    }

    /// Returns ffmpeg's filters that turn the stored picture as it is displayed, each with a comma before it.
    pub(crate) fn filters(self) -> String {
        let flip = if self.mirrored { ",hflip" } else { "" };
        let turn =
            ["", ",transpose=clock", ",hflip,vflip", ",transpose=cclock"][usize::from(self.quarters % 4)];
        format!("{flip}{turn}")
    }

    /// Returns the rotation in degrees clockwise; `None` without a rotation, also for a flip alone.
    pub(crate) fn rotation(self) -> Option<i32> {
        let is_turned = self.quarters != 0 && !(self.mirrored && self.quarters == 2);
        is_turned.then(|| i32::from(self.quarters) * 90)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exif_numbers_map_to_rotations() {
        let rotations = (0..=9).map(|number| Orientation::of_exif(number).map(Orientation::rotation));
        let (none, turned) = (Some(None), |degrees| Some(Some(degrees)));
        let expected =
            [None, none, none, turned(180), none, turned(270), turned(90), turned(90), turned(270), None];
        assert_eq!(rotations.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn rotations_and_flips_combine_in_any_order() {
        let exif = |number| Orientation::of_exif(number).expect("a number");
        let stored = Orientation::default();
        assert_eq!(stored.turned(3).mirrored().turned(2), exif(5), "rotated, then flipped vertically");
        assert_eq!(stored.turned(3).mirrored(), exif(7));
        assert_eq!(stored.mirrored().turned(2), exif(4));
        assert_eq!(stored.mirrored().mirrored().turned(1).turned(3), exif(1));
        assert!(exif(5).swaps_sides() && exif(8).swaps_sides() && !exif(4).swaps_sides());
    }
}
