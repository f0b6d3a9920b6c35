//! A day.

use std::time::Instant;
use tests::world::{Failure, World};

#[tokio::test]
async fn measure() -> Result<(), Failure> {
    for n in [100_u32, 400] {
        let world = World::start().await?;
        for _ in 0..n { world.enter(world.plain(1))?; }
        let t = Instant::now();
        world.poll().await?;
        eprintln!("{n}: poll {:?}", t.elapsed());
        let t = Instant::now();
        let m = world.work().await?;
        eprintln!("{n}: work {:?} per message {:?} of {m}", t.elapsed(), t.elapsed() / n);
        let calls: u64 = world.ups.read_books().requests.by_operation.values().sum();
        eprintln!("ups calls {calls} {:?}", world.ups.read_books().requests.by_operation);
        eprintln!("ns calls {:?}", world.netsuite.base.requests.counts().by_operation);
    }
    Ok(())
}
