//! Shapes, constraints and operation tables of AWS services, generated from compact models
