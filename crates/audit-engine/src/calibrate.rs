//! How far honest answers of one engine are from what another one says of them: what answers of strangers are judged by.

use cuckoo_audit::{
    score::{score, Claim, Failure, Scores, Stretch},
    threshold::Calibration,
};
use cuckoo_engine::{
    ChatMessage, Drawn, Engine, EngineError, FinishReason, GenerateRequest, GenerationEvent, Prompt, Sampling,
};
use cuckoo_primitives::{
    commitment::{Leaf, Tree},
    signing::blake2_256,
    task::{Commitment, Drawing, Finish, Receipt, TaskSpec},
    AccountId, Hash,
};
use cuckoo_sampler::{Parameters, ONE};
use futures::{stream, StreamExt};

use crate::own::{own, Asked};

/// Most tokens of one answer.
const ANSWER_TOKENS: u32 = 128;
/// What is asked, one after the other: prose, lists, numbers, code and other languages, which models are sure of in
/// different measure.
const QUESTIONS: [&str; 10] = [
    "Why do leaves turn red in autumn?",
    "Write a poem of eight lines about a bridge at night.",
    "List twelve things that float on water, with a few words on each.",
    "Add 1,247 and 3,968 step by step.",
    "Write a function in Python that sorts words by their length.",
    "Erkläre in einfachen Worten, wie ein Regenbogen entsteht.",
    "Tell the story of a cat that learned to open doors.",
    "Which is heavier, a litre of oil or a litre of water, and how could I find out?",
    "Give a JSON object with the names, capitals and populations of five countries.",
    "Summarise the rules of chess for somebody who has never seen a board.",
];

/// Two engines that have the same model.
#[derive(Clone, Copy)]
pub struct Calibrating<'a> {
    /// Answers.
    pub miner: &'a dyn Engine,
    /// Goes through the answers.
    pub auditor: &'a dyn Engine,
    /// The model's id in both.
    pub model: &'a str,
    /// Answers that the miner gives at once.
    pub at_once: usize,
}

/// What was measured.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measured {
    stretches: Vec<Stretch>,
    tokens: u64,
}

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
pub enum CalibrateError {
    /// An engine does not do its part.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The engines do not have the same model.
    #[error("an honest answer does not pass: {0}; do both engines have the same files?")]
    Failed(#[from] Failure),
}

impl Measured {
    /// How many honest tokens.
    pub fn tokens(&self) -> u64 {
        self.tokens
    }

    /// Adds what was measured elsewhere.
    pub fn extend(&mut self, other: Self) {
        self.stretches.extend(other.stretches);
        self.tokens = self.tokens.saturating_add(other.tokens);
    }

    /// By what answers are judged.
    pub fn calibration(&self) -> Calibration {
        Calibration::of(&self.stretches, self.tokens)
    }
}

impl Calibrating<'_> {
    /// Has at least so many tokens written and gone through; answers are numbered from `first` on, each number another
    /// one. `progress` is told how many tokens there are after each.
    ///
    /// # Errors
    /// At the first answer that does not pass: honest ones do.
    pub async fn measure(
        &self,
        first: u64,
        tokens: u64,
        mut progress: impl FnMut(u64) + Send,
    ) -> Result<Measured, CalibrateError> {
        let mut measured = Measured::default();
        let mut answers = stream::iter(first..).map(|number| self.one(number)).buffer_unordered(self.at_once);
        while measured.tokens < tokens {
            let Some(scores) = answers.next().await else { break };
            let Scores { stretches, tokens, .. } = scores?;
            measured.extend(Measured { stretches, tokens: tokens.into() });
            progress(measured.tokens);
        }
        Ok(measured)
    }

    async fn one(&self, number: u64) -> Result<Scores, CalibrateError> {
        let request = self.request(number);
        let Answer { text, drawn, prompt_tokens, completion_tokens, finish } = answer(self.miner, &request).await?;
        let tokens: Vec<u32> = drawn.iter().map(|drawn| drawn.token).collect();
        let leaves: Vec<Leaf> = drawn.into_iter().map(leaf).collect::<Result<_, _>>()?;
        let candidates: Vec<Vec<u32>> =
            leaves.iter().map(|leaf| leaf.candidates.iter().map(|it| it.token).collect()).collect();
        let context_tokens =
            self.miner.models().iter().find(|info| info.id == self.model).map_or(0, |info| info.context_tokens);
        let asked = Asked { request: &request, echo: None, tokens: &tokens, candidates: &candidates, context_tokens };
        let own = own(self.auditor, asked).await??;
        let (sent, opened): (Tree, Tree) = (tokens.iter().collect(), leaves.iter().collect());
        let receipt = Receipt {
            spec: spec(&request, ANSWER_TOKENS.min(context_tokens)),
            output_hash: blake2_256(&[text.as_bytes()]),
            prompt_tokens,
            completion_tokens,
            finish,
            commitment: Some(Commitment { tokens: sent.len(), tokens_root: sent.root(), leaves_root: opened.root() }),
        };
        let claim = Claim { receipt: &receipt, tokens: &tokens, leaves: &leaves, was_cancelled: false };
        Ok(score(&claim, &own)?)
    }

    /// The question of this number, in one of the ways in which tokens are drawn.
    fn request(&self, number: u64) -> GenerateRequest {
        let mut draw = Parameters { temperature: ONE, top_k: 64, top_p: ONE };
        // Other than the number of questions, so that each is asked in every way.
        match number % 7 {
            0 => draw.temperature = 0,
            1 => draw.temperature = ONE * 7 / 10,
            2 => draw.top_p = ONE * 9 / 10,
            3 => draw.top_k = 8,
            _ => {}
        }
        let mut sampling = Sampling { max_tokens: Some(ANSWER_TOKENS), draw, ..Sampling::default() };
        if let Some(seed) = sampling.seed.first_chunk_mut() {
            *seed = number.to_le_bytes();
        }
        let question = QUESTIONS.iter().cycle().nth(number as usize % QUESTIONS.len()).copied().unwrap_or_default();
        let message = ChatMessage { role: "user".into(), content: question.into() };
        let request = GenerateRequest::new(self.model, Prompt::Chat(vec![message]), sampling);
        GenerateRequest { records: true, ..request }
    }
}

struct Answer {
    text: String,
    drawn: Vec<Drawn>,
    prompt_tokens: u32,
    completion_tokens: u32,
    finish: Finish,
}

async fn answer(engine: &dyn Engine, request: &GenerateRequest) -> Result<Answer, EngineError> {
    let mut generation = engine.generate(request.clone()).await?;
    let (mut text, mut drawn) = (String::new(), Vec::new());
    while let Some(event) = generation.events.recv().await {
        match event {
            GenerationEvent::Piece { text: piece, tokens_drawn, .. } => {
                text.push_str(&piece);
                drawn.extend(tokens_drawn);
            }
            GenerationEvent::Done { prompt_tokens, completion_tokens, finish, end } => {
                drawn.extend(end);
                let finish = match finish {
                    FinishReason::Stop => Finish::Stop,
                    FinishReason::Length => Finish::Length,
                };
                return Ok(Answer { text, drawn, prompt_tokens, completion_tokens, finish });
            }
            GenerationEvent::Failed(error) => return Err(error),
        }
    }
    Err(EngineError::Internal("a generation ended without a last event".into()))
}

fn leaf(drawn: Drawn) -> Result<Leaf, EngineError> {
    let Drawn { token, candidates, projection } = drawn;
    let too_many = |_| EngineError::Internal("an engine names too many candidates".into());
    Ok(Leaf { token, candidates: candidates.try_into().map_err(too_many)?, projection })
}

/// What a miner would take on with it; nobody signs this.
fn spec(request: &GenerateRequest, max_tokens: u32) -> TaskSpec {
    TaskSpec {
        task_id: [0; 16],
        attempt: 0,
        link: Hash::zero(),
        coordinator: AccountId::from([0; 32]),
        miner: AccountId::from([0; 32]),
        model_root: Hash::zero(),
        numeric_class: Hash::zero(),
        request_hash: Hash::zero(),
        deadline_ms: 0,
        drawing: Some(Drawing {
            parameters: request.sampling.draw,
            seed: request.sampling.seed,
            is_shaped: false,
            first_position: 0,
            max_tokens,
        }),
    }
}
