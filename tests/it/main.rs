mod man;
mod samples;
#[test] fn t() {}
