//! What servers were seen doing wrong, one file for each fault.
//!
//! | file | the fault | seen at |
//! | --- | --- | --- |
//! | [`renumbering`] | message numbers move in mid-session, at another client's expunge or at our own DELE | `GreenMail` |
//! | [`lost_replies`] | an answer is left out, or made up, among pipelined ones | scripted servers, after reports |
//! | [`pipelining`] | answers in disorder or not at all when commands are sent ahead of them | WildDuck and others |
//! | [`partial_listings`] | a part of the messages is listed at a time | Gmail |
//! | [`changing_sizes`] | LIST sizes change from run to run | GNU Mailutils |

pub(crate) mod changing_sizes;
pub(crate) mod lost_replies;
pub(crate) mod partial_listings;
pub(crate) mod pipelining;
pub(crate) mod renumbering;
