//! An [`Index`] for each account.

use std::collections::HashMap;
use std::sync::Arc;

use iamd_policy::{
    Compiled, Index, PolicySet, PolicySetBuilder, PrincipalNumber, Request, SetNumber, Slot,
    Verdict,
};

use super::{Material, Noise, RESOURCE_KIND};

/// The indexes, and where the principals are in them.
pub(crate) struct Indexed {
    accounts: Vec<Index>,
    /// Each account's policies, by the documents' numbers.
    policies: Vec<HashMap<usize, SetNumber>>,
    /// Each principal's number in its account.
    numbers: Vec<PrincipalNumber>,
}

/// The sets that the indexes are made of.
struct Sets {
    policies: Vec<PolicySetBuilder>,
    groups: Vec<PolicySetBuilder>,
    levels: Vec<PolicySetBuilder>,
    boundary: PolicySetBuilder,
}

impl Indexed {
    /// Gives the principals what they have, but for their sessions. Also returns how many bytes that takes beyond the
    /// compiled documents.
    pub(crate) fn new(material: &Material) -> (Self, usize) {
        let sets = Sets::of(material);
        let mut made = None;
        let counted = allocation_counter::measure(|| made = Some(Self::of(material, &sets)));
        (made.unwrap(), counted.bytes_current as usize)
    }

    fn of(material: &Material, sets: &Sets) -> Self {
        let accounts = material.shape.accounts;
        let mut policies = vec![HashMap::new(); accounts];
        let mut indexes = vec![Index::default(); accounts];
        let mut groups = vec![HashMap::new(); accounts];
        let boundaries: Vec<SetNumber> =
            indexes.iter_mut().map(|it| it.add_set(&sets.boundary).unwrap()).collect();
        let levels: Vec<SetNumber> = indexes
            .iter_mut()
            .zip(&sets.levels)
            .map(|(index, set)| index.add_set(set).unwrap())
            .collect();
        let mut numbers = Vec::with_capacity(material.shape.principals);
        for number in 0..material.shape.principals {
            let (account, owner) = (number % accounts, material.owner(number));
            let index = &mut indexes[account];
            let mut list = vec![levels[account]];
            list.extend(owner.boundary.map(|_| boundaries[account]));
            for (known, wanted, sets) in [
                (&mut policies[account], &owner.own, &sets.policies),
                (&mut groups[account], &owner.groups, &sets.groups),
            ] {
                list.extend(wanted.iter().map(|it| {
                    let add = || index.add_set(&sets[*it]).unwrap();
                    *known.entry(*it).or_insert_with(add)
                }));
            }
            numbers.push(index.add_principal(&list).unwrap());
        }
        indexes.iter_mut().for_each(Index::shrink_to_fit);
        policies.iter_mut().for_each(HashMap::shrink_to_fit);
        Self { accounts: indexes, policies, numbers }
    }

    /// Takes the indexes away, for who changes them.
    pub(crate) fn take_accounts(&mut self) -> Vec<Index> {
        std::mem::take(&mut self.accounts)
    }

    pub(crate) fn principals(&self) -> usize {
        self.numbers.len()
    }

    /// From the principal's number to the decision.
    #[inline]
    pub(crate) fn decide(
        &self,
        principal: usize,
        request: &Request<'_>,
        session: &[&PolicySet],
    ) -> Verdict {
        let account = &self.accounts[principal % self.accounts.len()];
        account.decide(self.numbers[principal], request, RESOURCE_KIND, session).unwrap()
    }

    /// The principal's number in the index of its account.
    pub(crate) fn number(&self, principal: usize) -> PrincipalNumber {
        self.numbers[principal]
    }

    /// Writes a policy of this account anew: compiles it, and replaces its set.
    pub(crate) fn change(
        &self,
        index: &mut Index,
        account: usize,
        material: &Material,
        noise: &mut Noise,
    ) {
        let policies: Vec<(&usize, &SetNumber)> = self.policies[account].iter().collect();
        let (document, set) = noise.of(&policies);
        let compiled = Arc::new(Compiled::of(&material.documents[*document]));
        assert!(index.replace_set(*set, &set_of([(Slot::Identity, &compiled)])));
    }
}

impl Sets {
    fn of(material: &Material) -> Self {
        let compiled = |it: &usize| material.documents[*it].compiled();
        let identity =
            |documents: &[usize]| set_of(documents.iter().map(|it| (Slot::Identity, compiled(it))));
        let level = |levels: &Vec<Vec<usize>>| {
            let numbered = levels.iter().zip(0..).flat_map(|(documents, level)| {
                documents.iter().map(move |it| (Slot::ServiceControl(level), compiled(it)))
            });
            set_of(numbered)
        };
        Self {
            policies: (0..material.shape.policies).map(|it| identity(&[it])).collect(),
            groups: material.groups.iter().map(|it| identity(it)).collect(),
            levels: material.levels.iter().map(level).collect(),
            boundary: set_of([(Slot::Boundary, compiled(&material.boundary))]),
        }
    }
}

fn set_of<'c>(documents: impl IntoIterator<Item = (Slot, &'c Arc<Compiled>)>) -> PolicySetBuilder {
    let mut builder = PolicySet::builder();
    documents.into_iter().for_each(|(slot, document)| builder.add(slot, document));
    builder
}
