use parking_lot::{Condvar, Mutex};

use super::*;

/// A token for each byte; the vector is the text's length. Every batch is noted, and waits while the gate is shut.
#[derive(Clone, Default)]
struct Toy(Arc<ToyState>);

#[derive(Default)]
struct ToyState {
    /// First byte of each batch's first text, and the batch's size.
    batches: Mutex<Vec<(u32, usize)>>,
    tokenised: Mutex<usize>,
    shut: Mutex<bool>,
    opened: Condvar,
}

impl Toy {
    fn shut(&self) {
        *self.0.shut.lock() = true;
    }

    fn open(&self) {
        *self.0.shut.lock() = false;
        self.0.opened.notify_all();
    }

    fn batches(&self) -> Vec<(u32, usize)> {
        self.0.batches.lock().clone()
    }
}

impl EmbeddingModel for Toy {
    fn tokenise(&self, text: &str) -> Result<Vec<u32>, EngineError> {
        *self.0.tokenised.lock() += 1;
        match text {
            "bad" => Err(EngineError::InvalidRequest("as asked".into())),
            text => Ok(text.bytes().map(u32::from).collect()),
        }
    }

    fn forward(&self, texts: &[&[u32]]) -> Result<Vec<Vec<f32>>, EngineError> {
        self.0.batches.lock().push((texts[0][0], texts.len()));
        let mut shut = self.0.shut.lock();
        while *shut {
            self.0.opened.wait(&mut shut);
        }
        assert!(texts[0] != b"panic".map(u32::from), "as asked");
        Ok(texts.iter().map(|tokens| vec![tokens.len() as f32]).collect())
    }
}

/// So many texts of one full batch each.
fn full(letter: &str, count: usize) -> Vec<String> {
    vec![letter.repeat(BATCH_TOKENS); count]
}

async fn until(condition: impl Fn() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), waiting).await.expect("waited in vain");
}

#[tokio::test]
async fn vectors_come_in_the_inputs_order_before_all_is_done() {
    let toy = Toy::default();
    let inputs: Vec<String> = (0..3 * WINDOW_INPUTS).map(|at| "x".repeat(1 + (at * 7) % 40)).collect();
    let mut embedding = Embedder::new(toy.clone(), 0).embed(inputs.clone()).unwrap();
    let mut lengths = Vec::new();
    loop {
        match embedding.events.recv().await.unwrap() {
            EmbeddingEvent::Vectors { vectors, prompt_tokens } => {
                assert!(vectors.len() <= WINDOW_INPUTS);
                lengths.extend(vectors.iter().map(|vector| vector[0] as usize));
                assert_eq!(prompt_tokens as usize, lengths.iter().sum::<usize>(), "as many as were read by then");
            }
            EmbeddingEvent::Done { prompt_tokens } => {
                assert_eq!(prompt_tokens as usize, inputs.iter().map(String::len).sum::<usize>());
                break;
            }
            EmbeddingEvent::Failed(error) => panic!("{error}"),
        }
    }
    assert_eq!(lengths, inputs.iter().map(String::len).collect::<Vec<_>>());
}

#[tokio::test]
async fn tokens_are_counted_as_they_are_read() {
    let embedder = Embedder::new(Toy::default(), 1);
    let inputs: Vec<String> = ["a", "bbb", "cc"].map(str::to_owned).to_vec();
    let counted = embedder.tokens(inputs.clone()).await.unwrap();
    assert_eq!(counted.len(), 3);
    let read = embedder.embed(inputs).unwrap().all().await.unwrap().prompt_tokens;
    assert_eq!(counted.iter().sum::<u32>(), read);
}

#[tokio::test]
async fn a_small_request_does_not_wait_for_a_large_one() {
    let toy = Toy::default();
    let embedder = Embedder::new(toy.clone(), 8);
    toy.shut();
    let large = tokio::spawn(embedder.embed(full("a", 200)).unwrap().all());
    until(|| !toy.batches().is_empty()).await;
    let small = tokio::spawn(embedder.embed(vec!["b".into()]).unwrap().all());
    // It queues for its turn behind the large one's first batch.
    until(|| embedder.turn.available_permits() == 0 && embedder.places.available_permits() == 7).await;
    tokio::task::yield_now().await;
    toy.open();
    assert_eq!(small.await.unwrap().unwrap().vectors, [[1.0]]);
    let before = toy.batches().iter().position(|(first, _)| *first == u32::from(b'b')).unwrap();
    assert!(before <= 2, "the small request waited for {before} batches");
    assert_eq!(large.await.unwrap().unwrap().vectors.len(), 200);
}

#[tokio::test]
async fn whoever_goes_away_costs_one_more_batch_at_most() {
    let toy = Toy::default();
    let embedder = Embedder::new(toy.clone(), 0);
    toy.shut();
    let embedding = embedder.embed(full("a", 200)).unwrap();
    until(|| toy.batches().len() == 1).await;
    drop(embedding);
    // The place stays taken while anything is computed for it.
    assert!(matches!(embedder.embed(full("b", 1)), Err(EngineError::Overloaded)));
    toy.open();
    until(|| embedder.places.available_permits() == 1).await;
    assert_eq!(toy.batches().len(), 1);
}

#[tokio::test]
async fn a_reader_that_does_not_read_pauses_only_its_own_request() {
    let toy = Toy::default();
    let embedder = Embedder::new(toy.clone(), 1);
    let lazy = embedder.embed(full("a", 200)).unwrap();
    // As many windows as wait in the channel, and one that waits to get in.
    let held = (EVENT_CAPACITY + 1) * WINDOW_TOKENS / BATCH_TOKENS;
    until(|| toy.batches().len() == held).await;
    assert_eq!(embedder.embed(full("b", 40)).unwrap().all().await.unwrap().vectors.len(), 40);
    assert_eq!(toy.batches().iter().filter(|(first, _)| *first == u32::from(b'a')).count(), held);
    assert_eq!(lazy.all().await.unwrap().vectors.len(), 200);
}

#[tokio::test]
async fn a_failure_or_panic_ends_its_own_request_only() {
    let embedder = Embedder::new(Toy::default(), 0);
    for (input, reason) in [("bad", "as asked"), ("panic", "panicked")] {
        let error = embedder.embed(vec![input.into()]).unwrap().all().await.unwrap_err();
        assert!(error.to_string().contains(reason), "{error}");
    }
    embedder.embed(vec!["fine".into()]).unwrap().all().await.unwrap();
}

#[tokio::test]
async fn a_cancelled_request_is_not_tokenised_to_its_end() {
    let toy = Toy::default();
    let mut work = Work::new(vec!["x".into(); WINDOW_INPUTS]);
    let is_cancelled = || *toy.0.tokenised.lock() == 3;
    assert!(work.step(&toy, is_cancelled).is_err());
    assert_eq!(*toy.0.tokenised.lock(), 3);
    assert!(toy.batches().is_empty());
}

#[test]
fn batches_are_bounded_and_never_empty() {
    let texts = |lengths: &[usize]| -> Vec<_> { lengths.iter().map(|length| (0, vec![0; *length])).collect() };
    assert_eq!(batch_size(&texts(&[BATCH_TOKENS * 2, BATCH_TOKENS * 2])), 1);
    assert_eq!(batch_size(&texts(&[BATCH_TOKENS / 2, BATCH_TOKENS / 2, BATCH_TOKENS / 2])), 2);
    assert_eq!(batch_size(&texts(&[1, 1, BATCH_TOKENS])), 2);
    assert_eq!(batch_size(&texts(&[5, 5])), 2);
    assert_eq!(batch_size(&[]), 0);
}
