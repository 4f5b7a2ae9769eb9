//! Partitions and their regions.

use std::sync::LazyLock;

use super::special;

static PARTITIONS: LazyLock<Vec<(&'static str, &'static str)>> = LazyLock::new(|| {
    special("*regions").lines().filter_map(|line| line.split_once('\t')).collect()
});

/// The partitions, in order.
pub fn partitions() -> impl Iterator<Item = &'static str> {
    PARTITIONS.iter().map(|(name, _)| *name)
}

/// Whether there is such a partition.
pub fn is_partition(name: &str) -> bool {
    partitions().any(|partition| partition == name)
}

/// The regions of all partitions.
pub fn regions() -> impl Iterator<Item = &'static str> {
    PARTITIONS.iter().flat_map(|(_, regions)| regions.split(' '))
}

/// Whether there is such a region, in any partition.
pub fn is_region(name: &str) -> bool {
    regions().any(|region| region == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_known() {
        assert!(is_partition("aws-cn") && !is_partition("aws-xx"));
        assert!(
            is_region("eu-central-1") && !is_region("eu-central-9") && !is_region("aws-global")
        );
    }
}
