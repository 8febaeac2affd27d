use std::net::{Ipv4Addr, TcpListener};

use super::*;
use crate::sandbox::program::Loader;

/// Filters bind the thread that installs them, so each test confines a thread of its own and asks what it said.
fn word_of(confine: impl FnOnce(&Gate) + Send + 'static) -> (u8, bool) {
    let (mut keeper, child) = UnixStream::pair().unwrap();
    let gate = Gate { filters: Filters::of(Loader::Files).unwrap(), keeper: child };
    let confined = thread::spawn(move || {
        crate::sandbox::prctl(libc::PR_SET_NO_NEW_PRIVS, 1).unwrap();
        confine(&gate);
    });
    let (word, listener) = receive(&mut keeper).unwrap().expect("a word");
    // With nobody to answer, what the thread asks at its end fails.
    let asks = listener.is_some();
    drop(listener);
    confined.join().unwrap();
    (word, asks)
}

#[test]
fn where_the_system_allows_it_the_filter_asks() {
    assert_eq!(word_of(|gate| gate.shut().unwrap()), (ASKING, true));
}

#[test]
fn where_another_filter_asks_already_the_rest_still_holds() {
    let word = word_of(|gate| {
        // The kernel gives a second filter that asks no place in which to do so.
        let _first = kernel::install_asking(&gate.filters.asking).unwrap();
        gate.shut().unwrap();
        let error = std::fs::write("/tmp/refused", "").unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EPERM), "{error}");
    });
    assert_eq!(word, (FILTERED, false));
}

#[test]
fn where_there_are_no_filters_it_says_so() {
    let word = word_of(|gate| {
        static NONE: Filters = Filters { asking: Vec::new(), allowed: Vec::new() };
        Gate { filters: &NONE, keeper: gate.keeper.try_clone().unwrap() }.shut().unwrap();
    });
    assert_eq!(word, (BARE, false));
}

#[test]
fn its_keeper_ends_with_the_one_it_keeps() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let (keeper, child) = UnixStream::pair().unwrap();
    let gate = Gate { filters: Filters::of(Loader::Files).unwrap(), keeper: child };
    let keeping = thread::spawn(move || keep(keeper, address));
    thread::spawn(move || {
        crate::sandbox::prctl(libc::PR_SET_NO_NEW_PRIVS, 1).unwrap();
        gate.shut().unwrap();
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap_err();
    })
    .join()
    .unwrap();
    listener.accept().expect("the socket that was asked for, connected");
    keeping.join().unwrap();
}
