//! Completions of a small random model over a vocabulary that cuts characters in pieces.

use std::{num::NonZeroUsize, sync::Arc};

use tokio::{runtime::Runtime, sync::mpsc};

use super::stepper::{drain, drawn, limits, text, Events, Stepper};
use crate::{
    api::{Drawn, EngineError, FinishReason, FollowEvent, Followed, GenerationEvent, Sampling},
    compute::cpu::CpuCompute,
    detokenizer::{Detokenizer, TokenBytes},
    events::EventSender,
    models::tiny::{TinyModel, VOCABULARY},
    sampling::{Chooser, Grammars, Matched, StopMatcher},
    sequence::{Follower, FollowerSpec, Purpose, SequenceSpec, Writer, WriterSpec},
};

/// Ends a text.
pub(super) const END: u32 = 0;
/// What stands where other vocabularies have control characters.
const PIECES: [&[u8]; 31] = [
    b"\xf0",
    b"\x9f",
    b"\xa6",
    b"\x86",
    b"\xc3",
    b"\xa9",
    b"\xff",
    b"a\xf0\x9f",
    b"\xa6\x86b",
    b"\xf0\x9f\xa6",
    b"\x86\xf0",
    "🦆".as_bytes(),
    "é".as_bytes(),
    "🦆🦢".as_bytes(),
    b"{\"",
    b"\":",
    b"\",\"",
    b"\"}",
    b"}",
    b"{}",
    b"ab",
    b"abc",
    b"bca",
    b"ca",
    b"true",
    b"12",
    b"[1",
    b"]",
    b" ",
    b"\n",
    b"\x86",
];

/// A request to the model.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) prompt: Vec<u32>,
    pub(super) sampling: Sampling,
    pub(super) max_tokens: u32,
}

/// A finished completion.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Completion {
    pub(super) text: String,
    pub(super) drawn: Vec<Drawn>,
    pub(super) end: Option<Drawn>,
    pub(super) finish: FinishReason,
}

/// The model, and what there is around it.
pub(super) struct Fixture {
    model: TinyModel,
    compute: Arc<CpuCompute>,
    bytes: Arc<TokenBytes>,
    pub(super) grammars: Grammars,
    runtime: Runtime,
}

impl Fixture {
    pub(super) fn new(threads: usize) -> Self {
        let letters = (32..VOCABULARY as u8).map(|byte| vec![byte]);
        let pieces = PIECES.iter().map(|piece| piece.to_vec());
        let bytes = Arc::new(TokenBytes::new([Vec::new()].into_iter().chain(pieces).chain(letters)).unwrap());
        assert_eq!(bytes.tokens(), VOCABULARY);
        Self {
            model: TinyModel::quantised_llama(7),
            compute: Arc::new(CpuCompute::new(NonZeroUsize::new(threads).unwrap(), false, true).unwrap()),
            grammars: Grammars::new(bytes.clone(), &[END], 4),
            bytes,
            runtime: Runtime::new().unwrap(),
        }
    }

    fn chooser(&self, sampling: &Sampling) -> Chooser {
        let constraint = self.runtime.block_on(self.grammars.constraint(&sampling.format)).unwrap();
        Chooser::new(sampling, constraint, self.bytes.clone())
    }

    /// The model, with room for as many texts.
    pub(super) fn stepper(&self, texts: usize) -> Stepper {
        Stepper::new(Box::new(self.model.decoder(self.compute.clone(), 64)), limits(texts, 0))
    }

    /// Continues the request's text behind `resumed`.
    pub(super) fn complete(&self, request: &Request, resumed: &[u32]) -> Result<Completion, EngineError> {
        let (spec, mut receiver) = self.writer(request, resumed)?;
        let mut stepper = self.stepper(1);
        stepper.submit(spec)?;
        stepper.run();
        completion(&mut receiver, request.prompt.len() + resumed.len())
    }

    /// What a stepper needs to continue the request's text behind `resumed`.
    pub(super) fn writer(&self, request: &Request, resumed: &[u32]) -> Result<(SequenceSpec, Events), EngineError> {
        let (events, receiver) = EventSender::channel(4096)?;
        let mut writer = Writer::new(WriterSpec {
            max_tokens: request.max_tokens,
            chooser: self.chooser(&request.sampling),
            stop: StopMatcher::new(request.sampling.stop.clone()),
            detokenizer: Detokenizer::new(self.bytes.clone()),
            ends: [END].into(),
            records: true,
            events,
        });
        writer.resume(resumed)?;
        let prompt = [&request.prompt, resumed].concat();
        Ok((SequenceSpec { prompt, purpose: Purpose::Write(Box::new(writer)) }, receiver))
    }

    /// What is certain of the text after these tokens.
    pub(super) fn certain(&self, request: &Request, tokens: &[u32]) -> String {
        let mut detokenizer = Detokenizer::new(self.bytes.clone());
        let mut stop = StopMatcher::new(request.sampling.stop.clone());
        let certain = tokens.iter().map(|token| match stop.push(&detokenizer.push(*token)) {
            Matched::Passed(text) => text,
            Matched::Stopped(text) => panic!("it ends with {text:?}"),
        });
        certain.collect()
    }

    /// Follows `tokens` behind `resumed`, asking for the logits of `candidates`.
    pub(super) fn follow(
        &self,
        request: &Request,
        resumed: &[u32],
        tokens: &[u32],
        candidates: Vec<Vec<u32>>,
    ) -> Vec<Followed> {
        let (spec, mut receiver) = self.follower(request, resumed, tokens, candidates);
        let mut stepper = self.stepper(1);
        stepper.submit(spec).unwrap();
        stepper.run();
        let (mut events, is_done) = drain(&mut receiver);
        assert!(is_done);
        assert_eq!(events.pop(), Some(FollowEvent::Done));
        let followed = events.into_iter().flat_map(|event| match event {
            FollowEvent::Positions(positions) => positions,
            other => panic!("{other:?}"),
        });
        followed.collect()
    }

    /// What a stepper needs to do so.
    pub(super) fn follower(
        &self,
        request: &Request,
        resumed: &[u32],
        tokens: &[u32],
        candidates: Vec<Vec<u32>>,
    ) -> (SequenceSpec, mpsc::Receiver<FollowEvent>) {
        let (events, receiver) = EventSender::channel(4096).unwrap();
        let mut chooser = self.chooser(&request.sampling);
        resumed.iter().for_each(|token| chooser.replay(*token).unwrap());
        let from = request.prompt.len() + resumed.len() - 1;
        let spec = FollowerSpec { from, tokens: tokens.to_vec(), candidates, chooser, events };
        let prompt = [&request.prompt, resumed, &tokens[..tokens.len() - 1]].concat();
        (SequenceSpec { prompt, purpose: Purpose::Follow(Box::new(Follower::new(spec))) }, receiver)
    }
}

/// What has come of a text that is done, with a prompt of so many tokens.
pub(super) fn completion(receiver: &mut Events, prompt: usize) -> Result<Completion, EngineError> {
    let (events, is_done) = drain(receiver);
    assert!(is_done);
    let (text, drawn) = (text(&events), drawn(&events));
    match events.into_iter().last() {
        Some(GenerationEvent::Done { prompt_tokens, completion_tokens, finish, end }) => {
            assert_eq!(prompt_tokens as usize, prompt);
            assert_eq!(completion_tokens as usize, drawn.len());
            Ok(Completion { text, drawn, end, finish })
        }
        Some(GenerationEvent::Failed(error)) => Err(error),
        other => panic!("{other:?}"),
    }
}

impl Completion {
    /// All tokens, with the one that ended the text.
    pub(super) fn all(&self) -> Vec<Drawn> {
        self.drawn.iter().chain(&self.end).cloned().collect()
    }
}

pub(super) fn tokens(drawn: &[Drawn]) -> Vec<u32> {
    drawn.iter().map(|drawn| drawn.token).collect()
}
