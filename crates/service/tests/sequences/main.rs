//! Random sequences of operations against a naive model of IAM's rules: every answer and the state are
//! the ones that it predicts; and for two clients at once, the ones that it predicts for one of the orders
//! in which their requests could have come one after the other.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests"
)]

mod model;
mod step;

use std::collections::HashMap;
use std::sync::Arc;

use iamd_directory::Quotas;
use iamd_testkit::{Answer, TestServer};

use crate::model::{FEW, Model, Outcome, Shown, VERSIONS};
use crate::step::{Dice, SLOTS, Step, draw, questions};

async fn server() -> TestServer {
    let few = FEW as u64;
    let quotas = Quotas {
        users: 3,
        groups: 2,
        roles: 2,
        policies: 2,
        instance_profiles: 2,
        groups_per_user: few - 1,
        attached_policies_per_user: few,
        attached_policies_per_group: few,
        attached_policies_per_role: few,
        access_keys_per_user: few,
        tags_per_entity: few,
        versions_per_policy: VERSIONS as u64,
        ..Quotas::default()
    };
    TestServer::start_with_quotas(quotas).await
}

/// Somebody who remembers the access keys that they made.
#[derive(Default)]
struct Client(HashMap<String, String>);

impl Client {
    async fn send(&mut self, server: &TestServer, step: &Step) -> Answer {
        let value = |value: &str| match self.0.get(value) {
            Some(key) => key.clone(),
            None if SLOTS.contains(&value) => "AKIAIOSFODNN7EXAMPLE".to_owned(),
            None => value.to_owned(),
        };
        let sent = step.pairs.iter().filter(|(name, _)| !name.is_empty());
        let sent: Vec<_> = sent.map(|(name, given)| (name.as_str(), value(given))).collect();
        let sent: Vec<_> = sent.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let answer = server.call(&server.root, &step.operation, &sent).await;
        if let Some(slot) = step.given("").filter(|_| answer.status == 200) {
            self.0.insert(slot.to_owned(), answer.text("AccessKeyId"));
        }
        answer
    }
}

fn decoded(text: &str) -> String {
    let mut pieces = text.split('%');
    let mut bytes = pieces.next().unwrap().as_bytes().to_vec();
    for piece in pieces {
        bytes.push(u8::from_str_radix(&piece[..2], 16).unwrap());
        bytes.extend(piece[2..].bytes());
    }
    String::from_utf8(bytes).unwrap()
}

/// What the answer shows of the elements that were predicted.
fn shown(answer: &Answer, step: &Step, predicted: &Shown) -> Shown {
    let texts = |element| {
        let mut texts = answer.texts(element);
        if element == "Document" || element == "PolicyDocument" {
            texts = texts.iter().map(|text| decoded(text)).collect();
        }
        // In these AWS promises no order.
        if ["ListEntitiesForPolicy", "ListInstanceProfilesForRole"].contains(&&*step.operation) {
            texts.sort_by_key(|name| name.to_lowercase());
        }
        (element, texts)
    };
    predicted.iter().map(|(element, _)| texts(*element)).collect()
}

/// How the answer differs from the prediction.
fn difference(step: &Step, answer: &Answer, predicted: &Outcome) -> Option<String> {
    let is_same = match predicted {
        Ok(predicted) => answer.status == 200 && shown(answer, step, predicted) == *predicted,
        Err(code) => answer.code() == *code,
    };
    (!is_same).then(|| format!("{step:?}\npredicted {predicted:?}\nanswered {}", answer.body))
}

/// A step that the rules let happen, most times.
fn likely(dice: &mut Dice, model: &Model, slots: &[&str]) -> Step {
    loop {
        let step = draw(dice, slots);
        if model.clone().run(&step).is_ok() || dice.below(8) == 0 {
            return step;
        }
    }
}

/// So many steps, of which each is likely after those before it.
fn sequence(dice: &mut Dice, mut model: Model, slots: &[&str], count: usize) -> Vec<Step> {
    let next = |_| {
        let step = likely(dice, &model, slots);
        let _ = model.run(&step);
        step
    };
    (0..count).map(next).collect()
}

async fn first_difference(server: &TestServer, model: &Model) -> Option<String> {
    for question in questions() {
        let answer = Client::default().send(server, &question).await;
        let difference = difference(&question, &answer, &model.clone().run(&question));
        if difference.is_some() {
            return difference;
        }
    }
    None
}

/// Runs the steps on a new account; the first difference from the model.
async fn run(steps: &[Step]) -> Option<String> {
    let server = server().await;
    let (mut model, mut client) = (Model::new(), Client::default());
    for (at, step) in steps.iter().enumerate() {
        let answer = client.send(&server, step).await;
        let mut found = difference(step, &answer, &model.run(step));
        if found.is_none() && (at + 1 == steps.len() || at % 30 == 29) {
            found = first_difference(&server, &model).await;
        }
        if found.is_some() {
            return found;
        }
    }
    None
}

/// Leaves out every step without which the sequence goes wrong as well.
async fn shrunk(mut steps: Vec<Step>) -> Vec<Step> {
    let mut at = steps.len();
    while at > 0 {
        at -= 1;
        let mut fewer = steps.clone();
        fewer.remove(at);
        if run(&fewer).await.is_some() {
            steps = fewer;
        }
    }
    steps
}

#[tokio::test]
async fn a_sequence_is_answered_as_the_rules_predict() {
    for seed in 0..12 {
        let steps = sequence(&mut Dice(seed), Model::new(), &SLOTS, 120);
        if run(&steps).await.is_some() {
            let steps = shrunk(steps).await;
            let difference = run(&steps).await.unwrap_or_default();
            panic!("seed {seed}: {steps:#?}\n{difference}");
        }
    }
}

type Answered = Vec<(Step, Answer)>;

async fn act(server: Arc<TestServer>, steps: Vec<Step>, mut client: Client) -> Answered {
    let mut answered = vec![];
    for step in steps {
        let answer = client.send(&server, &step).await;
        answered.push((step, answer));
    }
    answered
}

/// The states that could be left by these two, if they were answered as they were.
fn explanations(model: &Model, one: &[(Step, Answer)], other: &[(Step, Answer)]) -> Vec<Model> {
    if one.is_empty() && other.is_empty() {
        return vec![model.clone()];
    }
    let mut found = vec![];
    for (first, then, is_one) in [(one, other, true), (other, one, false)] {
        let Some(((step, answer), rest)) = first.split_first() else { continue };
        let mut model = model.clone();
        if difference(step, answer, &model.run(step)).is_none() {
            let (one, other) = if is_one { (rest, then) } else { (then, rest) };
            found.extend(explanations(&model, one, other));
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_at_once_are_answered_as_if_one_after_the_other() {
    for seed in 1000..1040 {
        let mut dice = Dice(seed);
        let server = Arc::new(server().await);
        let (mut model, mut client) = (Model::new(), Client::default());
        for step in sequence(&mut dice, model.clone(), &SLOTS[..2], 30) {
            client.send(&server, &step).await;
            let _ = model.run(&step);
        }
        let one = sequence(&mut dice, model.clone(), &SLOTS[..2], 4);
        let other = sequence(&mut dice, model.clone(), &SLOTS[2..], 4);
        let one = tokio::spawn(act(Arc::clone(&server), one, client));
        let other = tokio::spawn(act(Arc::clone(&server), other, Client::default()));
        let (one, other) = (one.await.unwrap(), other.await.unwrap());
        let left = explanations(&model, &one, &other);
        assert!(!left.is_empty(), "seed {seed}: no order explains {one:#?} {other:#?}");
        let mut differences = vec![];
        for model in &left {
            differences.push(first_difference(&server, model).await);
            if differences.last() == Some(&None) {
                break;
            }
        }
        let is_explained = differences.contains(&None);
        assert!(is_explained, "seed {seed}: {one:#?} {other:#?} left {:#?}", differences.first());
    }
}
