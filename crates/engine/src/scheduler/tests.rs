use std::time::Instant;

use tokio::sync::mpsc;

use super::*;
use crate::{
    api::Sampling,
    detokenizer::{Detokenizer, TokenBytes},
    sampling::{Chooser, StopMatcher},
    sequence::{EventSender, PREFILL_CHUNK_TOKENS},
    session::Session,
};

/// Tokens are bytes. The model says "a" for ever; some tokens in the prompt have it misbehave.
const LETTER: u32 = b'a' as u32;
const PANICS: u32 = 1;
const FAILS: u32 = 2;
const SLOW: u32 = 3;
const WAIT: Duration = Duration::from_secs(20);

/// First token of the session's prompt, and how many tokens a step read.
type Calls = Arc<Mutex<Vec<(u32, usize)>>>;

#[derive(Clone, Default)]
struct Toy {
    calls: Calls,
}

struct ToySession {
    calls: Calls,
    name: Option<u32>,
    next_position: usize,
}

impl CausalModel for Toy {
    fn session(&self) -> Box<dyn Session> {
        Box::new(ToySession { calls: self.calls.clone(), name: None, next_position: 0 })
    }
}

impl Session for ToySession {
    fn forward(&mut self, tokens: &[u32], position: usize) -> Result<Vec<f32>, EngineError> {
        assert_eq!(position, self.next_position, "positions go on without gaps");
        self.next_position += tokens.len();
        let name = *self.name.get_or_insert(tokens[0]);
        self.calls.lock().push((name, tokens.len()));
        match name {
            PANICS => panic!("as asked"),
            FAILS => return Err(EngineError::Internal("as asked".into())),
            SLOW => thread::sleep(Duration::from_millis(2)),
            _ => (),
        }
        let mut logits = vec![0.0; 256];
        logits[LETTER as usize] = 1.0;
        Ok(logits)
    }
}

fn scheduler(toy: &Toy, max_running: usize, max_waiting: usize) -> Scheduler {
    with_memory(toy, max_running, max_waiting, u64::MAX)
}

fn with_memory(toy: &Toy, max_running: usize, max_waiting: usize, max_tokens: u64) -> Scheduler {
    Scheduler::start("toy", Box::new(toy.clone()), Limits { max_running, max_waiting, max_tokens }).unwrap()
}

fn spec(prompt: &[u32], max_tokens: u32, capacity: usize) -> (SequenceSpec, mpsc::Receiver<GenerationEvent>) {
    let sampling = Sampling::default();
    let (events, receiver) = EventSender::channel(capacity).unwrap();
    let bytes = Arc::new(TokenBytes::new((0..=u8::MAX).map(|byte| [byte])).unwrap());
    let spec = SequenceSpec {
        prompt: prompt.to_vec(),
        max_tokens,
        chooser: Chooser::new(&sampling, None, bytes.clone()),
        stop: StopMatcher::new(vec![]),
        detokenizer: Detokenizer::new(bytes),
        ends: [0].into(),
        events,
    };
    (spec, receiver)
}

fn start(scheduler: &Scheduler, prompt: &[u32], max_tokens: u32) -> mpsc::Receiver<GenerationEvent> {
    let (spec, receiver) = spec(prompt, max_tokens, 1024);
    scheduler.reserve().unwrap().submit(spec);
    receiver
}

/// All text, and the last event.
fn read(mut receiver: mpsc::Receiver<GenerationEvent>) -> (String, GenerationEvent) {
    let mut text = String::new();
    loop {
        match receiver.blocking_recv().expect("a last event") {
            GenerationEvent::Piece { text: piece, .. } => text.push_str(&piece),
            last => {
                assert_eq!(receiver.blocking_recv(), None, "nothing follows the last event");
                return (text, last);
            }
        }
    }
}

#[track_caller]
fn wait_until(condition: impl Fn() -> bool) {
    let begin = Instant::now();
    while !condition() {
        assert!(begin.elapsed() < WAIT, "waited in vain");
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_generation_ends_at_its_length() {
    let scheduler = scheduler(&Toy::default(), 1, 0);
    let (text, last) = read(start(&scheduler, &[10, 11], 5));
    assert_eq!(text, "aaaaa");
    let expected = GenerationEvent::Done { prompt_tokens: 2, completion_tokens: 5, finish: FinishReason::Length };
    assert_eq!(last, expected);
}

#[test]
fn generations_take_turns() {
    let toy = Toy::default();
    let scheduler = scheduler(&toy, 2, 0);
    let slow = start(&scheduler, &[SLOW], 50);
    let quick = start(&scheduler, &[10], 20);
    read(quick);
    let calls = toy.calls.lock().clone();
    let first = calls.iter().position(|(name, _)| *name == 10).unwrap();
    let last = calls.iter().rposition(|(name, _)| *name == 10).unwrap();
    let of_slow = calls[first..last].iter().filter(|(name, _)| *name == SLOW).count();
    // 19 between 20 steps, and one more at most where the second turned from reading to producing.
    assert!((19..=20).contains(&of_slow), "one step of the other between any two: {calls:?}");
    read(slow);
}

#[test]
fn a_long_prompt_is_read_in_chunks_between_the_steps_of_others() {
    let toy = Toy::default();
    let scheduler = scheduler(&toy, 2, 0);
    let talker = start(&scheduler, &[SLOW], 100);
    wait_until(|| !toy.calls.lock().is_empty());
    let long = start(&scheduler, &vec![10; 10 * PREFILL_CHUNK_TOKENS + 1], 1);
    read(long);
    let calls = toy.calls.lock().clone();
    assert!(calls.iter().all(|(_, tokens)| *tokens <= PREFILL_CHUNK_TOKENS));
    let chunks: Vec<_> = calls.iter().enumerate().filter(|(_, (name, _))| *name == 10).map(|(at, _)| at).collect();
    assert_eq!(chunks.len(), 11);
    assert!(chunks.windows(2).all(|pair| pair[1] == pair[0] + 2), "{calls:?}");
    read(talker);
}

#[test]
fn prompts_take_turns_with_prompts() {
    let toy = Toy::default();
    let scheduler = scheduler(&toy, 3, 0);
    let talker = start(&scheduler, &[SLOW], 100);
    wait_until(|| !toy.calls.lock().is_empty());
    let long = start(&scheduler, &vec![10; 30 * PREFILL_CHUNK_TOKENS], 1);
    let short = start(&scheduler, &vec![11; 2 * PREFILL_CHUNK_TOKENS], 1);
    read(short);
    let read_of_long = toy.calls.lock().iter().filter(|(name, _)| *name == 10).count();
    assert!(read_of_long < 15, "the short prompt waited for {read_of_long} chunks of the long one");
    read(long);
    read(talker);
}

#[test]
fn a_reader_that_goes_away_frees_the_slot() {
    let toy = Toy::default();
    let scheduler = scheduler(&toy, 1, 0);
    let receiver = start(&scheduler, &[SLOW], u32::MAX);
    wait_until(|| !toy.calls.lock().is_empty());
    assert_eq!(scheduler.running(), 1);
    drop(receiver);
    wait_until(|| scheduler.running() == 0);
    let steps = toy.calls.lock().len();
    thread::sleep(Duration::from_millis(20));
    assert_eq!(toy.calls.lock().len(), steps, "nothing is computed for nobody");
}

#[test]
fn more_than_running_and_waiting_are_refused() {
    let toy = Toy::default();
    let scheduler = scheduler(&toy, 1, 1);
    let running = start(&scheduler, &[SLOW], u32::MAX);
    let waiting = start(&scheduler, &[10], 1);
    assert!(matches!(scheduler.reserve(), Err(EngineError::Overloaded)));
    wait_until(|| scheduler.waiting() == 1);
    drop(waiting);
    assert_eq!(scheduler.waiting(), 0);
    let waiting = start(&scheduler, &[10], 1);
    drop(running);
    assert_eq!(read(waiting).0, "a");
}

#[test]
fn generations_wait_until_their_contexts_fit() {
    let toy = Toy::default();
    let scheduler = with_memory(&toy, 8, 8, 1_000);
    let submit = |max_tokens| {
        // Nobody reads, so it is soon paused for ever and keeps its memory.
        let (spec, receiver) = spec(&[20], max_tokens, 2);
        scheduler.reserve().unwrap().submit(spec);
        receiver
    };
    let large = submit(599);
    let small = submit(299);
    wait_until(|| scheduler.running() == 2);
    let (first, second) = (start(&scheduler, &[10], 199), start(&scheduler, &[10], 9));
    thread::sleep(Duration::from_millis(20));
    assert_eq!((scheduler.running(), scheduler.waiting()), (2, 2), "the first does not fit, the second is behind it");
    drop(small);
    assert_eq!(read(first).0.len(), 199);
    assert_eq!(read(second).0.len(), 9);
    drop(large);
    wait_until(|| scheduler.running() == 0);
    // What would never fit beside others runs alone.
    assert_eq!(read(start(&scheduler, &[10], 2_000)).0.len(), 2_000);
}

#[test]
fn a_reserved_place_counts_until_it_is_given_back() {
    let scheduler = scheduler(&Toy::default(), 1, 0);
    let place = scheduler.reserve().unwrap();
    assert!(matches!(scheduler.reserve(), Err(EngineError::Overloaded)));
    drop(place);
    scheduler.reserve().unwrap();
}

#[test]
fn the_slot_is_free_when_the_last_event_arrives() {
    let scheduler = scheduler(&Toy::default(), 1, 0);
    for _ in 0..200 {
        read(start(&scheduler, &[10], 1));
    }
}

#[test]
fn a_reader_that_does_not_read_pauses_only_its_own_generation() {
    let toy = Toy::default();
    let scheduler = scheduler(&toy, 2, 0);
    let (lazy, lazy_events) = spec(&[20], 50, 2);
    scheduler.reserve().unwrap().submit(lazy);
    let steps_of_lazy = || toy.calls.lock().iter().filter(|(name, _)| *name == 20).count();
    // Two pieces lie in the channel, a third is held.
    wait_until(|| steps_of_lazy() == 3);
    assert_eq!(read(start(&scheduler, &[10], 100)).0.len(), 100);
    assert_eq!(steps_of_lazy(), 3);
    let (text, last) = read(lazy_events);
    assert_eq!(text.len(), 50);
    assert!(matches!(last, GenerationEvent::Done { completion_tokens: 50, .. }));
}

#[test]
fn a_panic_or_failure_ends_only_its_own_generation() {
    let scheduler = scheduler(&Toy::default(), 3, 0);
    let healthy = start(&scheduler, &[SLOW], 20);
    for (prompt, reason) in [(PANICS, "panicked: as asked"), (FAILS, "as asked")] {
        let (_, last) = read(start(&scheduler, &[prompt], 5));
        let GenerationEvent::Failed(EngineError::Internal(why)) = last else { panic!("{last:?}") };
        assert!(why.contains(reason), "{why}");
    }
    assert_eq!(read(healthy).0.len(), 20);
    assert_eq!(read(start(&scheduler, &[10], 3)).0, "aaa");
}

#[test]
fn dropping_the_scheduler_ends_what_runs_and_what_waits() {
    let toy = Toy::default();
    let scheduler = scheduler(&toy, 1, 1);
    let running = start(&scheduler, &[SLOW], u32::MAX);
    let waiting = start(&scheduler, &[10], 1);
    wait_until(|| !toy.calls.lock().is_empty());
    drop(scheduler);
    for receiver in [running, waiting] {
        assert!(matches!(read(receiver).1, GenerationEvent::Failed(EngineError::Internal(_))));
    }
    // The thread held the other references to the model.
    wait_until(|| Arc::strong_count(&toy.calls) == 1);
}
