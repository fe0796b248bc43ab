//! Least squares: what each of several amounts costs, from measured sums.

/// A measured sum: so many of each amount, and what it came to.
#[derive(Debug, Clone)]
pub(crate) struct Point {
    pub(crate) amounts: Vec<f64>,
    pub(crate) sum: f64,
}

/// What a start costs, and one of each amount.
#[derive(Debug)]
pub(crate) struct Line {
    /// The first is the start.
    pub(crate) costs: Vec<f64>,
    /// How far the worst point is from the line, as a share of the point.
    pub(crate) worst: f64,
}

impl Line {
    /// Nothing where the points do not say it: too few, or all in one direction.
    pub(crate) fn through(points: &[Point]) -> Option<Self> {
        let rows: Vec<Vec<f64>> =
            points.iter().map(|point| [1.0].iter().chain(&point.amounts).copied().collect()).collect();
        let unknowns = rows.first()?.len();
        // The normal equations, the right side as the last column.
        let mut matrix = vec![vec![0.0; unknowns + 1]; unknowns];
        for (row, point) in rows.iter().zip(points) {
            for (line, left) in matrix.iter_mut().zip(row) {
                let right = row.iter().chain([&point.sum]);
                line.iter_mut().zip(right).for_each(|(cell, right)| *cell += left * right);
            }
        }
        let mut line = Self { costs: solve(matrix)?, worst: 0.0 };
        line.worst = points.iter().map(|point| (line.at(&point.amounts) / point.sum - 1.0).abs()).fold(0.0, f64::max);
        Some(line)
    }

    pub(crate) fn at(&self, amounts: &[f64]) -> f64 {
        [1.0].iter().chain(amounts).zip(&self.costs).map(|(amount, cost)| amount * cost).sum()
    }
}

/// Gauss and Jordan, with the largest pivot.
fn solve(mut matrix: Vec<Vec<f64>>) -> Option<Vec<f64>> {
    for column in 0..matrix.len() {
        let candidates = column..matrix.len();
        let pivot = candidates.max_by(|&a, &b| matrix[a][column].abs().total_cmp(&matrix[b][column].abs()))?;
        matrix.swap(column, pivot);
        let pivot = matrix[column].clone();
        if pivot[column].abs() < 1e-9 {
            return None;
        }
        for (index, row) in matrix.iter_mut().enumerate() {
            let factor = row[column] / pivot[column];
            for (cell, above) in row.iter_mut().zip(&pivot) {
                *cell = if index == column { above / pivot[column] } else { *cell - factor * above };
            }
        }
    }
    matrix.iter().map(|row| row.last().copied()).collect()
}

/// Finds costs again that it was given, sees a curve for what it is, and makes nothing up.
pub(crate) fn check() -> Result<(), String> {
    let grid = [[1e6, 10.0], [2e6, 20.0], [4e6, 40.0], [1e4, 1e3], [2e4, 2e3], [4e4, 4e3]];
    let points = |sum: fn(f64, f64) -> f64| {
        grid.map(|[bytes, entries]| Point { amounts: vec![bytes, entries], sum: sum(bytes, entries) })
    };
    let line = Line::through(&points(|bytes, entries| 5e5 + 3.5 * bytes + 700.0 * entries)).ok_or("no line")?;
    for (found, given) in line.costs.iter().zip([5e5, 3.5, 700.0]) {
        if (found / given - 1.0).abs() > 1e-6 {
            return Err(format!("found {found} for {given}"));
        }
    }
    if line.worst > 1e-6 {
        return Err(format!("points of a line are {} off it", line.worst));
    }
    let curve = Line::through(&points(|bytes, entries| 5e5 + 1e-6 * bytes * bytes + 700.0 * entries));
    if curve.is_none_or(|curve| curve.worst < 0.05) {
        return Err("a square passes for a line".to_owned());
    }
    if Line::through(&points(|bytes, _| bytes)[..1]).is_some() {
        return Err("one point made a line".to_owned());
    }
    Ok(())
}
