import type { Sensor, SensorBrief } from '@bulkhead/fleet-api';
import { Button, Checkbox } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import {
  createColumnHelper,
  flexRender,
  getCoreRowModel,
  getPaginationRowModel,
  getSortedRowModel,
  useReactTable,
  type RowSelectionState,
  type SortingState,
} from '@tanstack/react-table';
import { useMemo, useState } from 'react';
import { briefsQuery } from '../../api/sensors.ts';
import { useMay } from '../../api/session.ts';
import { counted } from '../../text/number-words.ts';
import { BulkBar } from './bulk-bar.tsx';
import { lossOf, sensorRows, type SensorRow } from './row-facts.ts';
import {
  ClockCell,
  ConfigCell,
  FeedCell,
  LossCell,
  NameCell,
  RulesCell,
  SeenCell,
  StateCell,
} from './sensor-cells.tsx';
import { standingOf } from './standing.ts';

const PAGE_SIZE = 50;
const NO_BRIEFS: readonly SensorBrief[] = [];

const column = createColumnHelper<SensorRow>();
const COLUMNS = [
  column.accessor(({ sensor }) => sensor.name, {
    id: 'name',
    header: 'Sensor',
    cell: ({ row }) => <NameCell row={row.original} />,
  }),
  column.accessor(({ sensor, brief }) => standingOf(sensor, brief, brief?.healthy).order, {
    id: 'state',
    header: 'State',
    cell: ({ row }) => <StateCell row={row.original} />,
  }),
  column.accessor(({ sensor }) => sensor.group?.name ?? '', { id: 'group', header: 'Group' }),
  column.accessor(({ sensor }) => sensor.version ?? '', { id: 'version', header: 'Version' }),
  // The oldest first: an unknown age is no age.
  column.accessor(({ brief }) => brief?.rulesSince ?? '9', {
    id: 'rules',
    header: 'Rule age',
    cell: ({ row }) => <RulesCell row={row.original} />,
  }),
  column.accessor(({ brief }) => lossOf(brief), {
    id: 'loss',
    header: 'Loss',
    cell: ({ row }) => <LossCell row={row.original} />,
  }),
  column.accessor(({ brief }) => brief?.feed ?? '', {
    id: 'feed',
    header: 'Feed',
    cell: ({ row }) => <FeedCell row={row.original} />,
  }),
  column.accessor(({ brief }) => Math.abs(brief?.clockDifferenceMs ?? 0), {
    id: 'clock',
    header: 'Clock',
    cell: ({ row }) => <ClockCell row={row.original} />,
  }),
  column.accessor(({ sensor }) => sensor.config.state, {
    id: 'config',
    header: 'Configuration',
    cell: ({ row }) => <ConfigCell row={row.original} />,
  }),
  column.accessor(({ sensor }) => sensor.lastSeen ?? '', {
    id: 'seen',
    header: 'Last seen',
    cell: ({ row }) => <SeenCell row={row.original} />,
  }),
];

/** Sensors as a table that can be sorted and acted on together. */
export function SensorTable({ sensors }: { sensors: readonly Sensor[] }) {
  const [sorting, setSorting] = useState<SortingState>([{ id: 'state', desc: false }]);
  const [selection, setSelection] = useState<RowSelectionState>({});
  const mayOperate = useMay('sensors.operate');
  const mayConfigure = useMay('sensors.configure');
  const may = mayOperate || mayConfigure;
  const briefs = useQuery(briefsQuery).data?.sensors ?? NO_BRIEFS;
  const rows = useMemo(() => sensorRows(sensors, briefs), [sensors, briefs]);
  // The table keeps its state by itself; the compiler of React is not used here.
  const table = useReactTable({
    data: rows,
    columns: COLUMNS,
    state: { sorting, rowSelection: selection },
    initialState: { pagination: { pageSize: PAGE_SIZE } },
    getRowId: ({ sensor }) => sensor.id,
    enableRowSelection: may,
    onSortingChange: setSorting,
    onRowSelectionChange: setSelection,
    getCoreRowModel: getCoreRowModel(),
    getSortedRowModel: getSortedRowModel(),
    getPaginationRowModel: getPaginationRowModel(),
    autoResetPageIndex: false,
  });
  const chosen = table.getSelectedRowModel().rows.map(({ original }) => original.sensor);
  return (
    <>
      {chosen.length > 0 && <BulkBar sensors={chosen} clear={() => setSelection({})} />}
      <div className="table-wrap" tabIndex={0} role="region" aria-label="Sensors">
        <table className="table sensors">
          <thead>
            {table.getHeaderGroups().map((group) => (
              <tr key={group.id}>
                {may && (
                  <th scope="col">
                    <Checkbox
                      aria-label="Choose all of this page"
                      checked={table.getIsAllPageRowsSelected()}
                      indeterminate={table.getIsSomePageRowsSelected()}
                      onChange={table.getToggleAllPageRowsSelectedHandler()}
                    />
                  </th>
                )}
                {group.headers.map((header) => {
                  const sorted = header.column.getIsSorted();
                  return (
                    <th
                      key={header.id}
                      scope="col"
                      aria-sort={sorted === 'asc' ? 'ascending' : sorted === 'desc' ? 'descending' : 'none'}
                    >
                      <button
                        type="button"
                        className="sort"
                        onClick={header.column.getToggleSortingHandler()}
                      >
                        {flexRender(header.column.columnDef.header, header.getContext())}
                        <span aria-hidden="true">
                          {sorted === 'asc' ? ' ↑' : sorted === 'desc' ? ' ↓' : ''}
                        </span>
                      </button>
                    </th>
                  );
                })}
              </tr>
            ))}
          </thead>
          <tbody>
            {table.getRowModel().rows.map((row) => (
              <tr key={row.id} aria-selected={may ? row.getIsSelected() : undefined}>
                {may && (
                  <td>
                    <Checkbox
                      aria-label={`Choose ${row.original.sensor.name}`}
                      checked={row.getIsSelected()}
                      onChange={row.getToggleSelectedHandler()}
                    />
                  </td>
                )}
                {row.getVisibleCells().map((cell) => (
                  <td key={cell.id}>{flexRender(cell.column.columnDef.cell, cell.getContext())}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <div className="pager">
        <span className="quiet">{counted(sensors.length, 'sensor')}</span>
        {table.getPageCount() > 1 && (
          <>
            <Button
              size="xs"
              variant="default"
              disabled={!table.getCanPreviousPage()}
              onClick={() => table.previousPage()}
            >
              Back
            </Button>
            <span className="quiet">
              Page {table.getState().pagination.pageIndex + 1} of {table.getPageCount()}
            </span>
            <Button
              size="xs"
              variant="default"
              disabled={!table.getCanNextPage()}
              onClick={() => table.nextPage()}
            >
              On
            </Button>
          </>
        )}
      </div>
    </>
  );
}
