//! Whether a condition holds: missing keys, several values, set operators.

use crate::operator::{Operator, Quantifier, Test, Truth};
use crate::{Condition, Context, Values, Version};

impl Condition {
    /// Whether the condition holds in a request.
    pub(crate) fn holds(&self, version: Version, context: &Context) -> Truth {
        let Some(operator) = Operator::parse(&self.operator.value) else {
            return Truth::Unreadable;
        };
        let values = context.get(&self.key.value);
        if operator.test == Test::Null {
            return self.one(operator, missing_text(values), version, context);
        }
        let Some(values) = values else { return self.holds_without_key(operator) };
        let each =
            values.as_slice().iter().map(|value| self.one(operator, value, version, context));
        match (operator.quantifier, values) {
            (Some(Quantifier::All), _) => Truth::all(each),
            (Some(Quantifier::Any), _) => Truth::any(each),
            // Without a set operator a multivalued key matches nothing, and an empty list holds nothing
            // (both our reading: AWS leaves them open).
            (None, Values::Multiple(_)) => Truth::No,
            (None, Values::Single(_)) if self.values.is_empty() => Truth::No,
            (None, Values::Single(value)) => self.one(operator, value, version, context),
        }
    }

    /// AWS: a missing key fails positive operators and satisfies negated ones, `IfExists` and `ForAllValues`.
    /// `ForAnyValue` needs a value, whatever else the operator says (our reading).
    fn holds_without_key(&self, operator: Operator) -> Truth {
        match operator.quantifier {
            Some(Quantifier::All) => Truth::Yes,
            Some(Quantifier::Any) => Truth::No,
            None if operator.if_exists => Truth::Yes,
            None => (operator.negated && !self.values.is_empty()).into(),
        }
    }

    /// Whether one value of the request satisfies the operator: equal to any of the policy's values, or, when
    /// negated, to none of them.
    fn one(&self, operator: Operator, value: &str, version: Version, context: &Context) -> Truth {
        let operands = self.values.iter();
        let truth = Truth::any(
            operands.map(|operand| operator.test.compare(value, &operand.value, version, context)),
        );
        if operator.negated { truth.not() } else { truth }
    }
}

/// What `Null` compares with: whether the key is missing.
fn missing_text(values: Option<&Values>) -> &'static str {
    if values.is_none() { "true" } else { "false" }
}
