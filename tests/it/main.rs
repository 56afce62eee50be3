mod samples;
#[test] fn t() {}
