//! The weights that give a share of the traffic.

use crate::model::Share;

/// The weights of blue and green that give green as much as can be without being more than its share, none of them above
/// `heaviest`. Of several such pairs it is the one with the smallest sum.
///
/// Green's weight is 0 only when blue cannot be heavy enough beside 1.
#[must_use]
pub fn weights(share: Share, heaviest: u32) -> (u32, u32) {
    let mut best = (1, 0);
    for green in 1..=heaviest {
        let blue = match u32::try_from(share.rest_beside(green)) {
            Ok(blue) if blue <= heaviest => blue,
            _ => break,
        };
        // More than the best so far? Compared crosswise, without rounding.
        if u64::from(green) * u64::from(best.0) > u64::from(best.1) * u64::from(blue) {
            best = (blue, green);
        }
        if blue == 0 {
            break;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(share: &str, heaviest: u32) -> (u32, u32) {
        weights(share.parse().unwrap(), heaviest)
    }

    #[test]
    fn weights_are_the_smallest_that_give_the_share() {
        assert_eq!(of("5%", 255), (19, 1));
        assert_eq!(of("25%", 255), (3, 1));
        assert_eq!(of("50%", 255), (1, 1));
        assert_eq!(of("75%", 999), (1, 3));
        assert_eq!(of("100%", 255), (0, 1));
        // One in a thousand is beyond what weights up to 255 can do, one in 256 is not.
        assert_eq!(of("0.1%", 255).1, 0);
        assert_eq!(of("0.1%", 999), (999, 1));
        assert_eq!(of("0.4%", 255), (249, 1));
        assert_eq!(of("99.9%", 255), (1, 255));
    }

    proptest! {
        #[test]
        fn green_never_has_more_than_its_share_and_as_much_as_can_be(hundredths in 1_u16..10_000, heaviest in 1_u32..120) {
            let share = format!("{}.{:02}%", hundredths / 100, hundredths % 100);
            let (blue, green) = of(&share, heaviest);
            prop_assert!(blue <= heaviest && green <= heaviest && blue + green > 0);
            let within = |blue: u32, green: u32| u64::from(green) * 10_000 <= u64::from(hundredths) * u64::from(blue + green);
            prop_assert!(within(blue, green));
            for other_green in 1..=heaviest {
                for other_blue in 0..=heaviest {
                    let more = other_green * blue > green * other_blue;
                    prop_assert!(!(within(other_blue, other_green) && more), "{other_blue}:{other_green} gives more");
                }
            }
        }
    }
}
