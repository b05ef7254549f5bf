//! What the node, gateways, miners and pages ask the runtime.

use alloc::vec::Vec;

use cuckoo_primitives::{
    challenge::{Challenge, ChallengeId},
    docket::{Case, CaseId, Conviction},
    emission::EmissionOverview,
    settlement::{ChannelId, Debt, Settled, SettlementTerms, Solvency},
    AccountId, Balance, Candidate, EraProgress, Role, StashOverview,
};
use frame_support::{
    genesis_builder_helper::{build_state, get_preset},
    traits::KeyOwnerProofSystem,
    weights::Weight,
};
use pallet_transaction_payment_rpc_runtime_api::{FeeDetails, RuntimeDispatchInfo};
use sp_api::impl_runtime_apis;
use sp_consensus_babe as babe;
use sp_consensus_grandpa as grandpa;
use sp_core::{crypto::KeyTypeId, OpaqueMetadata};
use sp_genesis_builder::PresetId;
use sp_inherents::{CheckInherentsResult, InherentData};
use sp_runtime::{
    traits::{Block as BlockT, NumberFor},
    transaction_validity::{TransactionSource, TransactionValidity},
    ApplyExtrinsicResult, ExtrinsicInclusionMode, Perbill,
};
use sp_session::OpaqueGeneratedSessionKeys;
use sp_version::RuntimeVersion;

use crate::{
    configs::market::stash_overview, genesis_config_presets, Babe, Block, Executive, Grandpa, Historical,
    InherentDataExt, Nonce, Registration, Runtime, RuntimeCall, RuntimeGenesisConfig, SessionKeys, Settlement,
    Slashing, Stake, System, TransactionPayment, VERSION,
};

impl_runtime_apis! {
    impl sp_api::Core<Block> for Runtime {
        fn version() -> RuntimeVersion {
            VERSION
        }

        fn execute_block(block: <Block as BlockT>::LazyBlock) {
            Executive::execute_block(block);
        }

        fn initialize_block(header: &<Block as BlockT>::Header) -> ExtrinsicInclusionMode {
            Executive::initialize_block(header)
        }
    }

    impl sp_api::Metadata<Block> for Runtime {
        fn metadata() -> OpaqueMetadata {
            OpaqueMetadata::new(Runtime::metadata().into())
        }

        fn metadata_at_version(version: u32) -> Option<OpaqueMetadata> {
            Runtime::metadata_at_version(version)
        }

        fn metadata_versions() -> Vec<u32> {
            Runtime::metadata_versions()
        }
    }

    impl frame_support::view_functions::runtime_api::RuntimeViewFunction<Block> for Runtime {
        fn execute_view_function(
            id: frame_support::view_functions::ViewFunctionId,
            input: Vec<u8>,
        ) -> Result<Vec<u8>, frame_support::view_functions::ViewFunctionDispatchError> {
            Runtime::execute_view_function(id, input)
        }
    }

    impl sp_block_builder::BlockBuilder<Block> for Runtime {
        fn apply_extrinsic(extrinsic: <Block as BlockT>::Extrinsic) -> ApplyExtrinsicResult {
            Executive::apply_extrinsic(extrinsic)
        }

        fn finalize_block() -> <Block as BlockT>::Header {
            Executive::finalize_block()
        }

        fn inherent_extrinsics(data: InherentData) -> Vec<<Block as BlockT>::Extrinsic> {
            data.create_extrinsics()
        }

        fn check_inherents(block: <Block as BlockT>::LazyBlock, data: InherentData) -> CheckInherentsResult {
            data.check_extrinsics(&block)
        }
    }

    impl sp_transaction_pool::runtime_api::TaggedTransactionQueue<Block> for Runtime {
        fn validate_transaction(
            source: TransactionSource,
            transaction: <Block as BlockT>::Extrinsic,
            block_hash: <Block as BlockT>::Hash,
        ) -> TransactionValidity {
            Executive::validate_transaction(source, transaction, block_hash)
        }
    }

    impl sp_offchain::OffchainWorkerApi<Block> for Runtime {
        fn offchain_worker(header: &<Block as BlockT>::Header) {
            Executive::offchain_worker(header)
        }
    }

    impl babe::BabeApi<Block> for Runtime {
        fn configuration() -> babe::BabeConfiguration {
            let epoch = Babe::epoch_config().unwrap_or(genesis_config_presets::BABE_EPOCH_CONFIG);
            babe::BabeConfiguration {
                slot_duration: Babe::slot_duration(),
                epoch_length: Babe::current_epoch().duration,
                c: epoch.c,
                authorities: Babe::authorities().into_inner(),
                randomness: Babe::randomness(),
                allowed_slots: epoch.allowed_slots,
            }
        }

        fn current_epoch_start() -> babe::Slot {
            Babe::current_epoch_start()
        }

        fn current_epoch() -> babe::Epoch {
            Babe::current_epoch()
        }

        fn next_epoch() -> babe::Epoch {
            Babe::next_epoch()
        }

        fn generate_key_ownership_proof(
            _slot: babe::Slot,
            authority: babe::AuthorityId,
        ) -> Option<babe::OpaqueKeyOwnershipProof> {
            let proof = Historical::prove((babe::KEY_TYPE, authority))?;
            Some(babe::OpaqueKeyOwnershipProof::new(codec::Encode::encode(&proof)))
        }

        fn submit_report_equivocation_unsigned_extrinsic(
            equivocation: babe::EquivocationProof<<Block as BlockT>::Header>,
            owner: babe::OpaqueKeyOwnershipProof,
        ) -> Option<()> {
            Babe::submit_unsigned_equivocation_report(equivocation, owner.decode()?)
        }
    }

    impl grandpa::GrandpaApi<Block> for Runtime {
        fn grandpa_authorities() -> grandpa::AuthorityList {
            Grandpa::grandpa_authorities()
        }

        fn current_set_id() -> grandpa::SetId {
            pallet_grandpa::CurrentSetId::<Runtime>::get()
        }

        fn submit_report_equivocation_unsigned_extrinsic(
            equivocation: grandpa::EquivocationProof<<Block as BlockT>::Hash, NumberFor<Block>>,
            owner: grandpa::OpaqueKeyOwnershipProof,
        ) -> Option<()> {
            Grandpa::submit_unsigned_equivocation_report(equivocation, owner.decode()?)
        }

        fn generate_key_ownership_proof(
            _set: grandpa::SetId,
            authority: grandpa::AuthorityId,
        ) -> Option<grandpa::OpaqueKeyOwnershipProof> {
            let proof = Historical::prove((grandpa::KEY_TYPE, authority))?;
            Some(grandpa::OpaqueKeyOwnershipProof::new(codec::Encode::encode(&proof)))
        }
    }

    impl sp_session::SessionKeys<Block> for Runtime {
        fn generate_session_keys(owner: Vec<u8>, seed: Option<Vec<u8>>) -> OpaqueGeneratedSessionKeys {
            SessionKeys::generate(&owner, seed).into()
        }

        fn decode_session_keys(encoded: Vec<u8>) -> Option<Vec<(Vec<u8>, KeyTypeId)>> {
            SessionKeys::decode_into_raw_public_keys(&encoded)
        }
    }

    impl frame_system_rpc_runtime_api::AccountNonceApi<Block, AccountId, Nonce> for Runtime {
        fn account_nonce(account: AccountId) -> Nonce {
            System::account_nonce(account)
        }
    }

    impl pallet_transaction_payment_rpc_runtime_api::TransactionPaymentApi<Block, Balance> for Runtime {
        fn query_info(extrinsic: <Block as BlockT>::Extrinsic, len: u32) -> RuntimeDispatchInfo<Balance> {
            TransactionPayment::query_info(extrinsic, len)
        }

        fn query_fee_details(extrinsic: <Block as BlockT>::Extrinsic, len: u32) -> FeeDetails<Balance> {
            TransactionPayment::query_fee_details(extrinsic, len)
        }

        fn query_weight_to_fee(weight: Weight) -> Balance {
            TransactionPayment::weight_to_fee(weight)
        }

        fn query_length_to_fee(length: u32) -> Balance {
            TransactionPayment::length_to_fee(length)
        }
    }

    impl pallet_transaction_payment_rpc_runtime_api::TransactionPaymentCallApi<Block, Balance, RuntimeCall> for Runtime {
        fn query_call_info(call: RuntimeCall, len: u32) -> RuntimeDispatchInfo<Balance> {
            TransactionPayment::query_call_info(call, len)
        }

        fn query_call_fee_details(call: RuntimeCall, len: u32) -> FeeDetails<Balance> {
            TransactionPayment::query_call_fee_details(call, len)
        }

        fn query_weight_to_fee(weight: Weight) -> Balance {
            TransactionPayment::weight_to_fee(weight)
        }

        fn query_length_to_fee(length: u32) -> Balance {
            TransactionPayment::length_to_fee(length)
        }
    }

    impl cuckoo_primitives::runtime_api::MarketApi<Block> for Runtime {
        fn candidates(role: Role, after: Option<AccountId>, limit: u32) -> Vec<Candidate> {
            Registration::candidates(role, after, limit)
        }

        fn candidate(stash: AccountId) -> Option<Candidate> {
            Registration::candidate(stash)
        }

        fn candidate_of_operator(operator: AccountId) -> Option<Candidate> {
            Registration::candidate_of_operator(operator)
        }

        fn stash(stash: AccountId) -> Option<StashOverview> {
            stash_overview(stash)
        }

        fn era() -> EraProgress {
            Stake::era_progress()
        }

        fn emission() -> EmissionOverview {
            Stake::emission_overview()
        }

        fn docket(after: Option<CaseId>, limit: u32) -> Vec<(CaseId, Case)> {
            Slashing::docket(after, limit)
        }

        fn convictions(stash: AccountId) -> Vec<Conviction> {
            Slashing::convictions(stash)
        }

        fn challenges(after: Option<ChallengeId>, limit: u32) -> Vec<(ChallengeId, Challenge)> {
            Slashing::open_challenges(after, limit)
        }

        fn challenges_against(
            miner: AccountId,
            after: Option<ChallengeId>,
            limit: u32,
        ) -> Vec<(ChallengeId, Challenge)> {
            Slashing::challenges_against(miner, after, limit)
        }
    }

    impl cuckoo_primitives::runtime_api::SettlementApi<Block> for Runtime {
        fn terms() -> SettlementTerms {
            Settlement::terms()
        }

        fn solvency(coordinator: AccountId) -> Solvency {
            Settlement::solvency(coordinator)
        }

        fn cover(coordinator: AccountId, miner: AccountId) -> Balance {
            Settlement::cover(coordinator, miner)
        }

        fn claimable(coordinator: AccountId, miner: AccountId) -> Balance {
            Settlement::claimable(coordinator, miner)
        }

        fn rating(coordinator: AccountId, miner: AccountId) -> Perbill {
            Settlement::rating(coordinator, miner)
        }

        fn settled(coordinator: AccountId, miner: AccountId, channel: ChannelId) -> Settled {
            Settlement::settled(coordinator, miner, channel)
        }

        fn channels(
            coordinator: AccountId,
            after: Option<(AccountId, ChannelId)>,
            limit: u32,
        ) -> Vec<((AccountId, ChannelId), Settled)> {
            Settlement::channels(coordinator, after, limit)
        }

        fn debt(coordinator: AccountId, miner: AccountId) -> Debt {
            Settlement::debt(coordinator, miner)
        }

        fn debts(coordinator: AccountId, after: Option<AccountId>, limit: u32) -> Vec<(AccountId, Debt)> {
            Settlement::debts(coordinator, after, limit)
        }
    }

    impl sp_genesis_builder::GenesisBuilder<Block> for Runtime {
        fn build_state(config: Vec<u8>) -> sp_genesis_builder::Result {
            build_state::<RuntimeGenesisConfig>(config)
        }

        fn get_preset(id: &Option<PresetId>) -> Option<Vec<u8>> {
            get_preset::<RuntimeGenesisConfig>(id, genesis_config_presets::get_preset)
        }

        fn preset_names() -> Vec<PresetId> {
            genesis_config_presets::preset_names()
        }
    }

    #[cfg(feature = "runtime-benchmarks")]
    impl frame_benchmarking::Benchmark<Block> for Runtime {
        fn benchmark_metadata(
            extra: bool,
        ) -> (Vec<frame_benchmarking::BenchmarkList>, Vec<frame_support::traits::StorageInfo>) {
            crate::benchmarks::metadata(extra)
        }

        fn dispatch_benchmark(
            config: frame_benchmarking::BenchmarkConfig,
        ) -> Result<Vec<frame_benchmarking::BenchmarkBatch>, alloc::string::String> {
            crate::benchmarks::dispatch(config)
        }
    }

    #[cfg(feature = "try-runtime")]
    impl frame_try_runtime::TryRuntime<Block> for Runtime {
        fn on_runtime_upgrade(checks: frame_try_runtime::UpgradeCheckSelect) -> (Weight, Weight) {
            // A failed check must stop the tool that asked; this code is never on chain.
            #[allow(clippy::expect_used)]
            let weight = Executive::try_runtime_upgrade(checks).expect("the upgrade's checks hold");
            (weight, crate::configs::BlockWeights::get().max_block)
        }

        fn execute_block(
            block: <Block as BlockT>::LazyBlock,
            state_root_check: bool,
            signature_check: bool,
            select: frame_try_runtime::TryStateSelect,
        ) -> Weight {
            #[allow(clippy::expect_used)]
            Executive::try_execute_block(block, state_root_check, signature_check, select).expect("the block executes")
        }
    }
}
