use proptest::prelude::*;

use super::*;

const WIDE: usize = BLOCK_TOKENS;

fn text(tokens: usize) -> Vec<u32> {
    (0..tokens as u32).collect()
}

/// A text that was read as a whole.
fn read(pool: &mut BlockPool, text: &[u32]) -> Holding {
    let mut holding = pool.reserve(text, text.len()).unwrap();
    pool.grow(&mut holding, text.len()).unwrap();
    pool.keep(&mut holding, text);
    holding
}

#[test]
fn a_text_is_promised_all_its_blocks_or_none() {
    let mut pool = BlockPool::new(4, true);
    let first = pool.reserve(&[], 3 * WIDE).unwrap();
    assert!(pool.reserve(&[], WIDE + 1).is_none());
    pool.check([&first]);
    let mut second = pool.reserve(&[], WIDE).unwrap();
    pool.grow(&mut second, WIDE).unwrap();
    assert!(pool.grow(&mut second, WIDE + 1).is_err(), "more than was promised");
    pool.check([&first, &second]);
    pool.release(first);
    pool.release(second);
    pool.check([]);
}

#[test]
fn blocks_are_taken_as_a_text_grows() {
    let mut pool = BlockPool::new(4, true);
    let mut holding = pool.reserve(&[], 4 * WIDE).unwrap();
    assert_eq!(pool.usage(), KvUsage { blocks: 4, held: 0, cached: 0 });
    pool.grow(&mut holding, WIDE + 1).unwrap();
    assert_eq!(holding.blocks().len(), 2);
    assert_eq!(pool.usage().held, 2);
    pool.release(holding);
    assert_eq!(pool.usage().held, 0);
}

#[test]
fn full_blocks_are_shared_by_texts_that_begin_alike() {
    let mut pool = BlockPool::new(8, true);
    let first = read(&mut pool, &text(3 * WIDE + 5));
    let mut other = text(3 * WIDE);
    other[2 * WIDE] = 99;
    let second = pool.reserve(&other, 4 * WIDE).unwrap();
    assert_eq!(second.blocks(), &first.blocks()[..2]);
    assert_eq!(second.known_tokens(), 2 * WIDE);
    pool.check([&first, &second]);
    pool.release(first);
    pool.check([&second]);
    assert_eq!(pool.usage(), KvUsage { blocks: 8, held: 2, cached: 1 });
    pool.release(second);
    assert_eq!(pool.usage(), KvUsage { blocks: 8, held: 0, cached: 3 });
}

#[test]
fn the_same_tokens_after_others_are_another_block() {
    let mut pool = BlockPool::new(8, true);
    let first = read(&mut pool, &[vec![1; WIDE], vec![2; WIDE]].concat());
    let second = pool.reserve(&[vec![2; WIDE], vec![2; WIDE]].concat(), 2 * WIDE).unwrap();
    assert_eq!(second.known_tokens(), 0);
    pool.check([&first, &second]);
}

#[test]
fn what_was_used_least_recently_is_evicted_first_and_ends_before_beginnings() {
    let mut pool = BlockPool::new(6, true);
    let (old, new) = ([vec![1; WIDE], vec![2; WIDE]].concat(), [vec![3; WIDE], vec![4; WIDE]].concat());
    let texts = [&old, &new].map(|text| read(&mut pool, text));
    texts.into_iter().for_each(|holding| pool.release(holding));
    // The beginning of the old text is used once more, so that its end is now what was used least recently.
    let again = pool.reserve(&old[..WIDE], WIDE).unwrap();
    pool.release(again);
    let mut evicting = |blocks: usize| {
        let mut holding = pool.reserve(&[], blocks * WIDE).unwrap();
        pool.grow(&mut holding, blocks * WIDE).unwrap();
        pool.check([&holding]);
        pool.release(holding);
        let known = |text: &Vec<u32>, pool: &mut BlockPool| {
            let holding = pool.reserve(text, 2 * WIDE).unwrap();
            let known = holding.known_tokens() / WIDE;
            pool.release(holding);
            known
        };
        // The new text is asked for first, so that it counts as used less recently than the old.
        (known(&new, &mut pool), known(&old, &mut pool))
    };
    assert_eq!(evicting(2), (2, 2), "free blocks go first");
    assert_eq!(evicting(3), (1, 2));
    assert_eq!(evicting(4), (0, 2));
    assert_eq!(evicting(5), (0, 1));
    assert_eq!(evicting(6), (0, 0));
}

#[test]
fn a_block_that_is_known_takes_the_place_of_its_like() {
    let mut pool = BlockPool::new(8, true);
    let whole = text(2 * WIDE);
    let mut holdings = [0, 1].map(|_| pool.reserve(&whole, 2 * WIDE).unwrap());
    for holding in &mut holdings {
        pool.grow(holding, 2 * WIDE).unwrap();
        pool.keep(holding, &whole);
    }
    let [first, second] = holdings;
    assert_eq!(first.blocks(), second.blocks());
    pool.check([&first, &second]);
    assert_eq!(pool.usage().held, 2);
}

#[test]
fn a_text_goes_on_with_what_another_has_read_since() {
    let mut pool = BlockPool::new(8, true);
    let whole = text(3 * WIDE);
    let mut late = pool.reserve(&whole, 4 * WIDE).unwrap();
    let early = read(&mut pool, &whole[..2 * WIDE]);
    assert_eq!(pool.share(&mut late, &whole), 2 * WIDE);
    assert_eq!(pool.share(&mut late, &whole), 0);
    pool.check([&early, &late]);
    pool.grow(&mut late, 4 * WIDE).unwrap();
    assert!(pool.grow(&mut late, 4 * WIDE + 1).is_err(), "blocks that are shared are taken off the promise");
    pool.check([&early, &late]);
}

#[test]
fn nothing_is_shared_if_that_is_not_wanted() {
    let mut pool = BlockPool::new(4, false);
    let first = read(&mut pool, &text(2 * WIDE));
    let second = read(&mut pool, &text(2 * WIDE));
    assert!(first.blocks().iter().all(|block| !second.blocks().contains(block)));
    pool.check([&first, &second]);
    pool.release(first);
    assert_eq!(pool.usage(), KvUsage { blocks: 4, held: 2, cached: 0 });
}

#[test]
fn blocks_of_a_failed_text_are_forgotten_unless_others_hold_them() {
    let mut pool = BlockPool::new(8, true);
    let whole = text(3 * WIDE);
    let first = read(&mut pool, &whole);
    let second = pool.reserve(&whole[..WIDE], 2 * WIDE).unwrap();
    pool.discard(first);
    pool.check([&second]);
    assert_eq!(pool.usage(), KvUsage { blocks: 8, held: 1, cached: 0 });
    pool.discard(second);
    assert_eq!(pool.usage(), KvUsage { blocks: 8, held: 0, cached: 0 });
}

/// What may happen to a pool; numbers choose among the texts that there are.
#[derive(Clone, Debug)]
enum Op {
    Reserve { first: Vec<u32>, most: usize },
    Read { text: usize, tokens: usize },
    Share { text: usize },
    Release { text: usize },
    Discard { text: usize },
}

fn op() -> impl Strategy<Value = Op> {
    let blocks = proptest::collection::vec(0..3u32, 0..4);
    prop_oneof![
        3 => (blocks, 0..30usize, 1..80usize).prop_map(|(blocks, rest, most)| {
            let mut first: Vec<u32> = blocks.into_iter().flat_map(|kind| vec![kind; WIDE]).collect();
            first.extend(std::iter::repeat_n(7, rest));
            Op::Reserve { most: most.max(first.len()).max(1), first }
        }),
        4 => (any::<usize>(), 1..40usize).prop_map(|(text, tokens)| Op::Read { text, tokens }),
        2 => any::<usize>().prop_map(|text| Op::Share { text }),
        2 => any::<usize>().prop_map(|text| Op::Release { text }),
        1 => any::<usize>().prop_map(|text| Op::Discard { text }),
    ]
}

struct Text {
    tokens: Vec<u32>,
    read: usize,
    most: usize,
    holding: Holding,
}

proptest! {
    #[test]
    fn sums_add_up_whatever_happens(
        blocks in 1..12usize, shares: bool, ops in proptest::collection::vec(op(), 1..80),
    ) {
        let mut pool = BlockPool::new(blocks, shares);
        let mut texts: Vec<Text> = Vec::new();
        for op in ops {
            let chosen = |number: usize, texts: &[Text]| (!texts.is_empty()).then(|| number % texts.len());
            match op {
                Op::Reserve { first, most } => if let Some(holding) = pool.reserve(&first, most) {
                    texts.push(Text { read: holding.known_tokens(), tokens: first, most, holding });
                },
                Op::Read { text, tokens } => if let Some(at) = chosen(text, &texts) {
                    let text = &mut texts[at];
                    text.read = (text.read + tokens).min(text.most);
                    let length = text.tokens.len();
                    text.tokens.extend((length..text.read).map(|token| token as u32 % 2));
                    pool.grow(&mut text.holding, text.read).unwrap();
                    pool.keep(&mut text.holding, &text.tokens[..text.read]);
                },
                Op::Share { text } => if let Some(at) = chosen(text, &texts) {
                    let text = &mut texts[at];
                    if text.read == text.holding.known_tokens() {
                        text.read += pool.share(&mut text.holding, &text.tokens);
                    }
                },
                Op::Release { text } => if let Some(at) = chosen(text, &texts) {
                    pool.release(texts.swap_remove(at).holding);
                },
                Op::Discard { text } => if let Some(at) = chosen(text, &texts) {
                    pool.discard(texts.swap_remove(at).holding);
                },
            }
            pool.check(texts.iter().map(|text| &text.holding));
        }
        texts.into_iter().for_each(|text| pool.release(text.holding));
        pool.check([]);
        prop_assert!(pool.reserve(&[], blocks * WIDE).is_some(), "all can be had again");
    }
}
