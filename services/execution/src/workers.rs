//! Doing the heavy steps.
