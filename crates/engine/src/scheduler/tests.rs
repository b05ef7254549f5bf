mod crowd;
mod fake;
mod interleavings;
mod isolation;
mod sharing;
mod stepper;
mod thread;
mod turns;
