//! Whatever happens around it, a text gets what it gets alone.

use std::{num::NonZeroUsize, sync::Arc};

use proptest::prelude::*;
use tokio::sync::mpsc;

use super::{
    fake::Fake,
    stepper::{drain, drawn, follower, limits, observer, recorder, text, Events, Stepper},
};
use crate::{
    api::{Drawn, FinishReason, FollowEvent, Followed, GenerationEvent, PositionOutput, PrefillEvent, Sampling},
    compute::cpu::CpuCompute,
    models::{tiny::TinyModel, CausalModel},
    scheduler::Limits,
};

/// A text that somebody wants continued, or looked at.
#[derive(Clone, Debug)]
struct Wish {
    prompt: Vec<u32>,
    max_tokens: u32,
    sampling: Sampling,
    /// Events that may wait for the reader.
    capacity: usize,
    /// Looked at from this position on, instead of continued.
    from: Option<usize>,
    /// Followed instead of looked at.
    follows: bool,
}

/// What happens next; numbers choose among the wishes so far.
#[derive(Clone, Debug)]
enum Act {
    Arrive(Wish),
    Cancel(usize),
    Read(usize),
    Step(usize),
}

#[derive(Debug)]
enum Reader {
    Text(Events, Vec<GenerationEvent>),
    Positions(mpsc::Receiver<PrefillEvent>, Vec<PrefillEvent>),
    Followed(mpsc::Receiver<FollowEvent>, Vec<FollowEvent>),
    /// Went away.
    Gone(Vec<GenerationEvent>),
}

#[derive(Debug, PartialEq)]
enum Answer {
    Text(String, Vec<Drawn>, GenerationEvent),
    Positions(Vec<PositionOutput>),
    Followed(Vec<Followed>),
}

impl Reader {
    fn submit(stepper: &Stepper, wish: &Wish) -> Option<Self> {
        match wish.from {
            Some(from) if wish.follows => {
                let (spec, events) = follower(&wish.prompt, from, &wish.sampling, wish.capacity);
                stepper.submit(spec).ok().map(|()| Self::Followed(events, Vec::new()))
            }
            Some(from) => {
                let (spec, events) = observer(&wish.prompt, from, wish.capacity);
                stepper.submit(spec).ok().map(|()| Self::Positions(events, Vec::new()))
            }
            None => {
                let (spec, events) = recorder(&wish.prompt, wish.max_tokens, &wish.sampling, wish.capacity);
                stepper.submit(spec).ok().map(|()| Self::Text(events, Vec::new()))
            }
        }
    }

    fn read(&mut self) {
        match self {
            Self::Text(events, read) => read.extend(drain(events).0),
            Self::Positions(events, read) => read.extend(drain(events).0),
            Self::Followed(events, read) => read.extend(drain(events).0),
            Self::Gone(_) => {}
        }
    }

    fn cancel(&mut self) {
        let read = match self {
            Self::Text(_, read) => std::mem::take(read),
            Self::Positions(..) | Self::Followed(..) => Vec::new(),
            Self::Gone(_) => return,
        };
        *self = Self::Gone(read);
    }

    fn is_done(&self) -> bool {
        match self {
            Self::Text(_, read) => read.last().is_some_and(|event| !matches!(event, GenerationEvent::Piece { .. })),
            Self::Positions(_, read) => read.last().is_some_and(|event| !matches!(event, PrefillEvent::Positions(_))),
            Self::Followed(_, read) => read.last().is_some_and(|event| !matches!(event, FollowEvent::Positions(_))),
            Self::Gone(_) => true,
        }
    }

    fn answer(self) -> Option<Answer> {
        match self {
            Self::Text(_, read) => Some(Answer::Text(text(&read), drawn(&read), read.last()?.clone())),
            Self::Positions(_, mut read) => {
                assert_eq!(read.pop(), Some(PrefillEvent::Done));
                let positions = read.into_iter().flat_map(|event| match event {
                    PrefillEvent::Positions(positions) => positions,
                    last => panic!("{last:?} in the middle"),
                });
                Some(Answer::Positions(positions.collect()))
            }
            Self::Followed(_, mut read) => {
                assert_eq!(read.pop(), Some(FollowEvent::Done));
                let followed = read.into_iter().flat_map(|event| match event {
                    FollowEvent::Positions(positions) => positions,
                    last => panic!("{last:?} in the middle"),
                });
                Some(Answer::Followed(followed.collect()))
            }
            Self::Gone(_) => None,
        }
    }
}

fn alone(model: Box<dyn CausalModel>, wish: &Wish) -> Answer {
    let mut stepper = Stepper::new(model, Limits { prefix_cache: false, ..limits(1, 0) });
    let mut reader = Reader::submit(&stepper, &Wish { capacity: 4096, ..wish.clone() }).expect("it fits");
    stepper.run();
    reader.read();
    reader.answer().expect("it is done")
}

/// Plays `acts` on a model of `blocks` blocks and compares with what each wish gets alone. `model` makes a fresh model
/// of so many blocks.
fn check(model: impl Fn(usize) -> Box<dyn CausalModel>, blocks: usize, limits: Limits, acts: Vec<Act>) {
    let mut stepper = Stepper::new(model(blocks), limits);
    let mut wishes: Vec<(Wish, Reader)> = Vec::new();
    for act in acts {
        let count = wishes.len().max(1);
        match act {
            Act::Arrive(wish) => {
                if let Some(reader) = Reader::submit(&stepper, &wish) {
                    wishes.push((wish, reader));
                } else {
                    let needed = (wish.prompt.len() + wish.max_tokens as usize).div_ceil(16);
                    assert!(needed > blocks, "{wish:?} was refused");
                }
            }
            Act::Cancel(which) => wishes.iter_mut().skip(which % count).take(1).for_each(|(_, reader)| reader.cancel()),
            Act::Read(which) => wishes.iter_mut().skip(which % count).take(1).for_each(|(_, reader)| reader.read()),
            Act::Step(steps) => (0..steps).for_each(|_| {
                stepper.step();
            }),
        }
    }
    for _ in 0..100_000 {
        if wishes.iter().all(|(_, reader)| reader.is_done()) {
            break;
        }
        stepper.step();
        wishes.iter_mut().for_each(|(_, reader)| reader.read());
    }
    for (wish, reader) in wishes {
        let expected = alone(model(64), &wish);
        if let Reader::Gone(read) = &reader {
            let Answer::Text(whole, ..) = expected else { continue };
            assert!(whole.starts_with(&text(read)));
            continue;
        }
        assert!(reader.is_done(), "{wish:?} waits for ever");
        assert_eq!(reader.answer(), Some(expected), "{wish:?}");
    }
    stepper.step();
    let stats = stepper.stats();
    assert_eq!((stats.running, stats.waiting, stats.kv_blocks_used), (0, 0, 0));
}

/// Texts of few kinds of blocks, so that many begin alike.
fn prompt() -> impl Strategy<Value = Vec<u32>> {
    (proptest::collection::vec(1..3u32, 0..6), 1..20usize, 1..3u32).prop_map(|(blocks, rest, last)| {
        let mut prompt: Vec<u32> = blocks.into_iter().flat_map(|kind| vec![kind; 16]).collect();
        prompt.extend(vec![last; rest]);
        prompt
    })
}

fn wish() -> impl Strategy<Value = Wish> {
    let sampling = (any::<bool>(), 0..4u64, proptest::option::of(1..100u8));
    let kind = (proptest::option::weighted(0.3, any::<proptest::sample::Index>()), any::<bool>(), 1..40u32, 1..6usize);
    (prompt(), sampling, kind).prop_map(|(prompt, (is_drawn, seed, stop), (from, follows, max_tokens, capacity))| {
        Wish {
            max_tokens: if from.is_some() { 0 } else { max_tokens },
            sampling: Sampling {
                stop: stop.map(|byte| char::from(byte).to_string()).into_iter().collect(),
                ..if is_drawn { Sampling::drawn(seed) } else { Sampling::default() }
            },
            capacity,
            from: from.map(|from| from.index(prompt.len())),
            follows,
            prompt,
        }
    })
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => wish().prop_map(Act::Arrive),
        1 => any::<usize>().prop_map(Act::Cancel),
        4 => any::<usize>().prop_map(Act::Read),
        4 => (1..6usize).prop_map(Act::Step),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn any_interleaving_gives_each_what_it_gets_alone(
        blocks in 3..40usize,
        max_running in 1..8usize,
        prefix_cache: bool,
        acts in proptest::collection::vec(act(), 1..40),
    ) {
        let limits = Limits { prefix_cache, ..limits(max_running, 1000) };
        check(|blocks| Box::new(Fake::new(blocks)), blocks, limits, acts);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn any_interleaving_of_a_real_model_gives_each_what_it_gets_alone(
        blocks in 3..40usize,
        max_running in 1..8usize,
        prefix_cache: bool,
        acts in proptest::collection::vec(act(), 1..30),
    ) {
        let limits = Limits { prefix_cache, ..limits(max_running, 1000) };
        let compute = Arc::new(CpuCompute::new(NonZeroUsize::MIN, false, true).unwrap());
        let tiny = TinyModel::quantised_llama(7);
        check(|blocks| Box::new(tiny.decoder(compute.clone(), blocks as u64)), blocks, limits, acts);
    }
}

#[test]
fn the_fake_notices_a_wrong_text() {
    let wish = |prompt: &[u32]| Wish {
        prompt: prompt.to_vec(),
        max_tokens: 8,
        sampling: Sampling::default(),
        capacity: 64,
        from: None,
        follows: false,
    };
    let answer = |prompt: &[u32]| alone(Box::new(Fake::new(8)), &wish(prompt));
    assert_ne!(answer(&[1; 20]), answer(&[[2].as_slice(), &[1; 19]].concat()));
    let Answer::Text(text, _, GenerationEvent::Done { finish: FinishReason::Length, .. }) = answer(&[1; 20]) else {
        panic!("not as long as it may be")
    };
    assert_eq!(text.len(), 8);
}
